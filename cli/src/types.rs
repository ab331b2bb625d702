//! `selvedge types`: worker-configuration.d.ts from the configuration.

mod env;
mod value;
mod write;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{ArgAction, Args};
use selvedge_server::config::{Config, Selection, shown};

use crate::terminal;
use crate::vars::VarArgs;
use env::Shape;

const EXAMPLES: &str = "\
Examples:
  selvedge types
      Write worker-configuration.d.ts beside the configuration.

  selvedge types --check
      Exit with 1 when that file is older than the configuration.

  selvedge types --env-interface CloudflareEnv src/env.d.ts
      Write another file with another name for the interface.

The types of the runtime itself (Request, KVNamespace, ..) are those of the npm
package @cloudflare/workers-types, which the file refers to:
npm install --save-dev @cloudflare/workers-types";

/// Where the types go unless the command line says otherwise; wrangler's name.
const FILE_NAME: &str = "worker-configuration.d.ts";
/// The package that holds the types of the runtime.
const RUNTIME_TYPES: &str = "@cloudflare/workers-types";

/// What `types` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TypesArgs {
    /// The file to write [default: worker-configuration.d.ts beside the configuration].
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The configuration: a wrangler.toml, wrangler.json or wrangler.jsonc [default: the one of this
    /// folder or of one above].
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Only what [env.NAME] has; without it, what any environment has.
    #[arg(short, long, value_name = "NAME", env = "CLOUDFLARE_ENV", hide_env_values = true)]
    env: Option<String>,

    /// The name of the interface.
    #[arg(long, value_name = "NAME", default_value = "Env", value_parser = identifier)]
    env_interface: String,

    /// Whether the file refers to the types of the runtime.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    include_runtime: bool,

    /// Whether variables have the types of their values, such as "hello", and not of their kind,
    /// such as string.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    strict_vars: bool,

    /// Write nothing; exit with 1 when the file is not what would be written.
    #[arg(long)]
    check: bool,
}

/// Writes the types or compares them.
pub(crate) fn types(args: &TypesArgs) -> ExitCode {
    match generate(args) {
        Ok(code) => code,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes the types of a new project.
pub(crate) fn write_for(folder: &Path) -> anyhow::Result<()> {
    let base = Config::load(Selection { file: Some(folder), ..Selection::default() })
        .map_err(|error| anyhow!(error.text()))?;
    let shape = Shape { interface: "Env", is_strict: true, folder };
    let body = env::declarations(&base, &[], &shape);
    let file = folder.join(FILE_NAME);
    let text = write::file(&body, "selvedge types", Some(RUNTIME_TYPES));
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", shown(&file)))
}

fn generate(args: &TypesArgs) -> anyhow::Result<ExitCode> {
    let base = load(args, args.env.as_deref())?;
    let Some(config_file) = &base.file else {
        bail!(
            "there is no configuration to make types of\nhint: --config names a wrangler.toml, \
             wrangler.json or wrangler.jsonc"
        );
    };
    let mut environments = Vec::new();
    if args.env.is_none() {
        for name in &base.environments {
            environments.push((name.clone(), load(args, Some(name))?));
        }
    }
    let file = match &args.file {
        Some(file) => std::path::absolute(file)?,
        None => base.root.join(FILE_NAME),
    };
    if file.extension().is_none_or(|extension| extension != "ts") {
        bail!("{} must end in .d.ts", shown(&file));
    }
    let shape = Shape {
        interface: &args.env_interface,
        is_strict: args.strict_vars,
        folder: file.parent().unwrap_or(Path::new("/")),
    };
    let body = env::declarations(&base, &environments, &shape);
    let text = write::file(&body, &command(args), args.include_runtime.then_some(RUNTIME_TYPES));
    if args.check {
        return compare(&file, &text, &command(args));
    }
    if let Ok(old) = std::fs::read_to_string(&file)
        && !write::is_ours(&old)
    {
        bail!(
            "{} was not made by `selvedge types` or `wrangler types`\nhint: name another file, or \
             remove that one",
            shown(&file)
        );
    }
    std::fs::write(&file, &text).with_context(|| format!("cannot write {}", shown(&file)))?;
    let mut out = std::io::stdout();
    writeln!(out, "{} from {}", shown(&file), shown(config_file))?;
    if args.include_runtime && !has_runtime_types(&base.root) {
        writeln!(
            out,
            "hint: the types of the runtime are in a package: npm install --save-dev {RUNTIME_TYPES}"
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn load(args: &TypesArgs, env: Option<&str>) -> anyhow::Result<Config> {
    let options = VarArgs::default().options();
    Config::load(Selection {
        file: None,
        config: args.config.as_deref(),
        env,
        vars: Some(&options),
    })
    .map_err(|error| anyhow!(error.text()))
}

fn compare(file: &Path, text: &str, command: &str) -> anyhow::Result<ExitCode> {
    let old = match std::fs::read_to_string(file) {
        Ok(old) => old,
        Err(error) => bail!("cannot read {}: {error}\nhint: run `{command}`", shown(file)),
    };
    if old.replace("\r\n", "\n") == text {
        writeln!(std::io::stdout(), "{} is up to date", shown(file))?;
        return Ok(ExitCode::SUCCESS);
    }
    bail!("{} is out of date\nhint: run `{command}`", shown(file))
}

/// The command that makes the same file again.
fn command(args: &TypesArgs) -> String {
    let mut command = "selvedge types".to_owned();
    let mut add = |flag: &str, value: &str| {
        command.push(' ');
        command.push_str(flag);
        command.push_str(value);
    };
    if let Some(file) = &args.file {
        add("", &file.display().to_string());
    }
    if let Some(config) = &args.config {
        add("--config=", &config.display().to_string());
    }
    if let Some(env) = &args.env {
        add("--env=", env);
    }
    if args.env_interface != "Env" {
        add("--env-interface=", &args.env_interface);
    }
    if !args.include_runtime {
        add("--include-runtime=", "false");
    }
    if !args.strict_vars {
        add("--strict-vars=", "false");
    }
    command
}

/// Whether the package with the runtime's types is installed for a folder.
fn has_runtime_types(folder: &Path) -> bool {
    folder.ancestors().any(|folder| folder.join("node_modules").join(RUNTIME_TYPES).is_dir())
}

fn identifier(text: &str) -> Result<String, String> {
    if value::is_identifier(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a name, e.g. Env or CloudflareEnv".into())
    }
}
