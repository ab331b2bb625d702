//! `selvedge check`: a Worker and its configuration, without serving.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use selvedge_runtime::{Failure, Mode, ModuleKind};
use selvedge_server::config::{Config, Diagnostic, EnvLine, Selection};
use selvedge_server::log::{Format, Level, Log, LogOptions};
use selvedge_server::project::Project;
use serde_json::{Value, json};

use crate::guard::Output;
use crate::vars::VarArgs;
use crate::{custom_build, terminal, trace};

const EXAMPLES: &str = "\
Examples:
  selvedge check
      Check the Worker of this folder.

  selvedge check --env staging --format json
      Check it as [env.staging] says, and tell a program.

It runs the build command if there is one, reads the configuration and all modules
and runs the global scope once. The exit code is 0 when the Worker starts, and 1 when it does not.";

/// What `check` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// The Worker's main module, or a folder with a Worker or a configuration [default: this
    /// folder].
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,

    /// The configuration: a wrangler.toml, wrangler.json or wrangler.jsonc.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check the Worker as [env.NAME] of the configuration says.
    #[arg(short, long, value_name = "NAME", env = "CLOUDFLARE_ENV", hide_env_values = true)]
    env: Option<String>,

    #[command(flatten)]
    vars: VarArgs,

    /// Do not run the global scope.
    #[arg(long)]
    no_start: bool,

    /// How to tell: "pretty" for people, "json" for programs.
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    format: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    Pretty,
    Json,
}

/// What was found.
#[derive(Debug, Default)]
struct Report {
    warnings: Vec<String>,
    worker: Option<Summary>,
    startup: Option<Duration>,
    problem: Option<Problem>,
}

#[derive(Debug)]
struct Summary {
    name: String,
    main: String,
    environment: Option<String>,
    date: String,
    flags: Vec<String>,
    modules: Vec<(String, &'static str, usize)>,
    env: Vec<EnvLine>,
    routes: Vec<String>,
    crons: Vec<String>,
}

/// Why the Worker does not run.
#[derive(Debug)]
enum Problem {
    Files(Box<Diagnostic>),
    Start(Box<Failure>),
}

/// Checks, tells, and says by the exit code how it went.
pub(crate) fn check(args: &CheckArgs) -> ExitCode {
    let report = match examine(args) {
        Ok(report) => report,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            return ExitCode::FAILURE;
        }
    };
    let told = match args.format {
        CheckFormat::Json => writeln!(std::io::stdout(), "{}", report.to_json()),
        CheckFormat::Pretty => report.print(),
    };
    if report.problem.is_some() || told.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn examine(args: &CheckArgs) -> anyhow::Result<Report> {
    let mut report = Report::default();
    let options = args.vars.options();
    let selection = Selection {
        file: args.path.as_deref(),
        config: args.config.as_deref(),
        env: args.env.as_deref(),
        vars: Some(&options),
    };
    let config = match Config::load(selection) {
        Ok(config) => config,
        Err(error) => {
            report.problem = Some(Problem::Files(Box::new(error)));
            return Ok(report);
        }
    };
    report.warnings.clone_from(&config.warnings);
    let output = match args.format {
        CheckFormat::Pretty => Output::Ours,
        CheckFormat::Json => Output::Stderr,
    };
    if let Err(error) = custom_build::run(&config.build, output) {
        report.problem = Some(Problem::Files(Box::new(error)));
        return Ok(report);
    }
    let project = match Project::load(config.clone(), Mode::Local) {
        Ok(project) => project,
        Err(error) => {
            report.problem = Some(Problem::Files(Box::new(error)));
            return Ok(report);
        }
    };
    report.warnings.clone_from(&project.warnings);
    report.worker = Some(summary(&config, &project));
    if args.no_start {
        return Ok(report);
    }
    // What the Worker prints at start would stand between the lines of JSON.
    let level = if args.format == CheckFormat::Json { Level::Off } else { Level::Info };
    let log = Log::new(LogOptions { format: Format::Pretty, level, colors: terminal::colors() });
    trace::install(&log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the event loop")?;
    let started = runtime.block_on(selvedge_server::check::start_once(&project, log.clone()));
    log.flush();
    match started {
        Ok(cpu) => report.startup = Some(cpu),
        Err(failure) => report.problem = Some(Problem::Start(failure)),
    }
    Ok(report)
}

fn summary(config: &Config, project: &Project) -> Summary {
    let worker = &project.worker;
    let module = |module: &selvedge_runtime::Module| {
        (module.name.clone(), kind_name(module.kind), module.body.len())
    };
    Summary {
        name: worker.name.clone(),
        main: worker.main.clone(),
        environment: config.environment.clone(),
        date: worker.compatibility.date.clone(),
        flags: worker.compatibility.flags.clone(),
        modules: worker.modules.iter().map(module).collect(),
        env: config.env_lines(),
        routes: config.routes.iter().map(|route| route.pattern.clone()).collect(),
        crons: config.crons.iter().map(|cron| cron.expression.clone()).collect(),
    }
}

/// wrangler's name of a kind of module.
fn kind_name(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::EsModule => "ESModule",
        ModuleKind::CommonJs => "CommonJS",
        ModuleKind::Json => "JSON",
        ModuleKind::Text => "Text",
        ModuleKind::Data => "Data",
        ModuleKind::Wasm => "CompiledWasm",
    }
}

impl Report {
    fn to_json(&self) -> Value {
        json!({
            "ok": self.problem.is_none(),
            "worker": self.worker.as_ref().map(Summary::to_json),
            "startup": self.startup.map(|cpu| json!({ "cpu_ms": millis(cpu) })),
            "warnings": self.warnings,
            "error": self.problem.as_ref().map(Problem::to_json),
        })
    }

    fn print(&self) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        let mut err = std::io::stderr().lock();
        for warning in &self.warnings {
            writeln!(
                err,
                "{}: {warning}",
                terminal::label("warn", "33", terminal::colors().stderr)
            )?;
        }
        if let Some(worker) = &self.worker {
            worker.print(&mut out)?;
        }
        match (&self.problem, self.startup) {
            (Some(problem), _) => {
                drop(err);
                terminal::print_error(&problem.text());
                Ok(())
            }
            (None, Some(cpu)) => {
                writeln!(out, "ok, the global scope took {} ms of CPU time", millis(cpu))
            }
            (None, None) => writeln!(out, "ok"),
        }
    }
}

impl Summary {
    fn to_json(&self) -> Value {
        let module = |(name, kind, bytes): &(String, &str, usize)| json!({ "name": name, "kind": kind, "bytes": bytes });
        let env = |line: &EnvLine| json!({ "name": line.name, "kind": line.kind, "value": line.value, "source": line.source });
        json!({
            "name": self.name,
            "main": self.main,
            "environment": self.environment,
            "compatibility_date": self.date,
            "compatibility_flags": self.flags,
            "modules": self.modules.iter().map(module).collect::<Vec<_>>(),
            "env": self.env.iter().map(env).collect::<Vec<_>>(),
            "routes": self.routes,
            "crons": self.crons,
        })
    }

    fn print(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let bytes: usize = self.modules.iter().map(|(_, _, bytes)| bytes).sum();
        let environment =
            self.environment.as_ref().map_or(String::new(), |name| format!(" (env.{name})"));
        let count = self.modules.len();
        let modules = if count == 1 { "1 module".to_owned() } else { format!("{count} modules") };
        writeln!(out, "{}{environment}: {}, {modules}, {}", self.name, self.main, size(bytes))?;
        write!(out, "{}", table(&self.env))?;
        for route in &self.routes {
            writeln!(out, "route {route}")?;
        }
        for cron in &self.crons {
            writeln!(out, "cron {cron}")?;
        }
        Ok(())
    }
}

/// The list of what `env` holds, in columns.
fn table(lines: &[EnvLine]) -> String {
    let width = |column: &dyn Fn(&EnvLine) -> usize| lines.iter().map(column).max().unwrap_or(0);
    let name = width(&|line| line.name.chars().count());
    let kind = width(&|line| line.kind.chars().count());
    let value = width(&|line| line.value.chars().count());
    let row = |line: &EnvLine| {
        format!("{:name$}  {:kind$}  {:value$}  {}", line.name, line.kind, line.value, line.source)
    };
    lines.iter().map(|line| format!("{}\n", row(line).trim_end())).collect()
}

impl Problem {
    fn text(&self) -> String {
        match self {
            Self::Files(error) => error.text(),
            Self::Start(failure) => format!("the Worker did not start: {failure}"),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Files(error) => json!({
                "kind": "configuration",
                "message": error.message,
                "file": error.file,
                "line": error.position.map(|(line, _)| line),
                "column": error.position.map(|(_, column)| column),
                "frame": error.code_frame,
                "hint": error.hint,
            }),
            Self::Start(failure) => json!({
                "kind": failure.outcome.as_str(),
                "message": failure.message,
                "file": failure.position.as_ref().map(|position| &position.module),
                "line": failure.position.as_ref().map(|position| position.line),
                "column": failure.position.as_ref().map(|position| position.column),
                "frame": failure.code_frame,
                "stack": failure.stack,
                "hint": failure.hint,
            }),
        }
    }
}

/// Milliseconds with one digit behind the point.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let line = |name: &str, value: &str| EnvLine {
            name: name.into(),
            kind: "Secret",
            value: value.into(),
            source: ".dev.vars".into(),
        };
        assert_eq!(
            table(&[line("env.A", "(hidden)"), line("env.LONG", "x")]),
            "env.A     Secret  (hidden)  .dev.vars\nenv.LONG  Secret  x         .dev.vars\n"
        );
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(size(12), "12 bytes");
        assert_eq!(size(2048), "2.0 KiB");
        assert_eq!(size(3 * 1024 * 1024), "3.0 MiB");
    }
}
