//! `selvedge init`: a new project from a template.

mod templates;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, ValueEnum};
use selvedge_server::config::shown;

use crate::{terminal, types};
use templates::File;

const EXAMPLES: &str = "\
Templates:
  hello   one file of JavaScript; nothing to install
  api     a JSON API with a router and errors; nothing to install
  chat    a chat room over WebSockets, in one isolate; nothing to install
  static  pages that are modules of the Worker; nothing to install
  ts      TypeScript with vitest; needs npm install for its test

Examples:
  selvedge init my-worker
  selvedge init my-api --template api
  selvedge init --force
      Make a project in this folder, over files of the same names.";

/// The most characters of a Worker's name.
const MAX_NAME_CHARS: usize = 63;

/// What `init` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InitArgs {
    /// The folder to make, and so the Worker's name [default: this folder].
    #[arg(value_name = "NAME")]
    name: Option<PathBuf>,

    /// What to start from.
    #[arg(short, long, value_name = "TEMPLATE", default_value = "hello")]
    template: Template,

    /// Write into a folder that is not empty, over files of the same names.
    #[arg(short, long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Template {
    Hello,
    Api,
    Chat,
    Static,
    Ts,
}

impl Template {
    fn files(self) -> &'static [File] {
        match self {
            Self::Hello => templates::HELLO,
            Self::Api => templates::API,
            Self::Chat => templates::CHAT,
            Self::Static => templates::STATIC,
            Self::Ts => templates::TS,
        }
    }
}

/// Makes the project and says what comes next.
pub(crate) fn init(args: &InitArgs) -> ExitCode {
    match make(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn make(args: &InitArgs) -> anyhow::Result<()> {
    let given = args.name.as_deref().unwrap_or(Path::new("."));
    let folder = std::path::absolute(given)
        .with_context(|| format!("cannot resolve {}", given.display()))?;
    let name = worker_name(&folder)?;
    if !args.force {
        refuse_full(&folder)?;
    }
    for file in templates::COMMON.iter().chain(args.template.files()) {
        write(&folder.join(file.path), &file.text.replace("{{name}}", &name))?;
    }
    if args.template == Template::Ts {
        types::write_for(&folder)?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{name} is ready in {}. Next:", shown_folder(&folder))?;
    for step in next_steps(args.name.as_deref(), args.template) {
        writeln!(out, "  {step}")?;
    }
    if args.template == Template::Chat {
        writeln!(
            out,
            "The room lives in one isolate: serve it with `selvedge run --isolates 1`, see README.md."
        )?;
    }
    Ok(())
}

fn next_steps(folder: Option<&Path>, template: Template) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(folder) = folder.filter(|folder| *folder != Path::new(".")) {
        let text = folder.display().to_string();
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-~:\\".contains(&byte));
        steps.push(if is_plain { format!("cd {text}") } else { format!("cd '{text}'") });
    }
    let test = if template == Template::Ts {
        steps.push("npm install".into());
        "npm test"
    } else {
        "node --test"
    };
    steps.push("selvedge dev".into());
    steps.push(test.into());
    steps
}

/// Fails if there is anything in the folder but what version control keeps.
fn refuse_full(folder: &Path) -> anyhow::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => bail!("cannot read {}: {error}", shown(folder)),
    };
    let mut names: Vec<String> = Vec::new();
    for entry in entries {
        let name = entry.with_context(|| format!("cannot read {}", shown(folder)))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name != ".git" {
            names.push(name);
        }
    }
    names.sort();
    let Some(first) = names.first() else { return Ok(()) };
    let more = match names.len() {
        1 => String::new(),
        2 => " and 1 other file".to_owned(),
        count => format!(" and {} other files", count - 1),
    };
    bail!(
        "{} is not empty: it has {first}{more}\nhint: give another name, or --force to write \
         over files of the same names",
        shown_folder(folder)
    )
}

/// The Worker's name after its folder: small letters, digits and dashes.
fn worker_name(folder: &Path) -> anyhow::Result<String> {
    let given = folder.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let dashed: String = given
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
        .collect();
    let name: String = dashed
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
        .chars()
        .take(MAX_NAME_CHARS)
        .collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() {
        return Err(anyhow!(
            "\"{given}\" gives no name for a Worker\nhint: a name has small letters, digits and \
             dashes, e.g. selvedge init my-worker"
        ));
    }
    Ok(name.to_owned())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", shown(folder)))?;
    std::fs::write(path, text).with_context(|| format!("cannot write {}", shown(path)))
}

fn shown_folder(folder: &Path) -> String {
    let here = std::env::current_dir().is_ok_and(|here| here == folder);
    if here { "this folder".into() } else { shown(folder) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_small_letters_digits_and_dashes() {
        let name = |folder: &str| worker_name(Path::new(folder)).ok();
        assert_eq!(name("/a/my-worker").as_deref(), Some("my-worker"));
        assert_eq!(name("/a/My Worker_2!").as_deref(), Some("my-worker-2"));
        assert_eq!(name("/a/--x--").as_deref(), Some("x"));
        assert_eq!(name(&format!("/{}", "a".repeat(80))).map(|name| name.len()), Some(63));
        assert_eq!(name("/a/\u{e9}\u{e9}"), None);
        assert_eq!(name("/"), None);
    }

    #[test]
    fn the_next_steps_can_be_pasted() {
        let steps = |folder: Option<&str>, template| next_steps(folder.map(Path::new), template);
        assert_eq!(steps(Some("a"), Template::Hello), ["cd a", "selvedge dev", "node --test"]);
        assert_eq!(steps(Some("a b"), Template::Hello)[0], "cd 'a b'");
        assert_eq!(steps(None, Template::Ts), ["npm install", "selvedge dev", "npm test"]);
    }

    #[test]
    fn no_template_has_a_placeholder_that_nothing_fills() {
        for template in Template::value_variants() {
            for file in templates::COMMON.iter().chain(template.files()) {
                let text = file.text.replace("{{name}}", "x");
                assert!(!text.contains("{{"), "{}", file.path);
                assert!(!text.is_empty(), "{}", file.path);
            }
        }
    }
}
