//! From rolldown's diagnostics to problems.

use std::path::Path;

use oxc_resolver::ResolveError;
use rolldown_common::ImportKind;
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind};

use crate::context::{Context, Unresolved};
use crate::hints;
use crate::problem::{Problem, column_in_characters};
use crate::tsconfig::{json_problem, problem as tsconfig_problem, without_place};

/// How much a diagnostic matters here.
#[derive(Debug)]
pub(crate) enum Verdict {
    Error(Problem),
    Warning(Problem),
    /// Of no use to the user.
    Nothing,
}

/// What an error of rolldown is.
pub(crate) fn error(context: &Context, diagnostic: &BuildDiagnostic) -> Verdict {
    match diagnostic.kind() {
        EventKind::ResolveError | EventKind::UnresolvedImport => unresolved(context, diagnostic),
        EventKind::TsConfigError => Verdict::Error(tsconfig(context, diagnostic)),
        _ => Verdict::Error(plain(context, diagnostic)),
    }
}

/// What a warning of rolldown is. Packages are as they are: their warnings are not
/// the user's.
pub(crate) fn warning(context: &Context, diagnostic: &BuildDiagnostic) -> Verdict {
    match diagnostic.kind() {
        EventKind::UnresolvedImport => return unresolved(context, diagnostic),
        EventKind::Eval
        | EventKind::ImportIsUndefined
        | EventKind::CannotCallNamespace
        | EventKind::CommonJsVariableInEsm
        | EventKind::ParseError
        | EventKind::ToleratedTransform
        | EventKind::UnsupportedFeatureError
        | EventKind::UnsupportedTsconfigOption
        | EventKind::NamespaceConflict => {}
        _ => return Verdict::Nothing,
    }
    let problem = plain(context, diagnostic);
    let in_package = |file: &String| file.contains("node_modules/");
    if problem.file.as_ref().is_some_and(in_package) {
        return Verdict::Nothing;
    }
    Verdict::Warning(problem)
}

/// An import of what is not there.
fn unresolved(context: &Context, diagnostic: &BuildDiagnostic) -> Verdict {
    let specifier = diagnostic.exporter().unwrap_or_default();
    let importer = diagnostic.id().unwrap_or_default();
    let key = (importer.clone(), specifier.clone());
    let found = context.found();
    let unresolved = found.unresolved.get(&key);
    let problem = match unresolved {
        Some(Unresolved { error: error @ ResolveError::Json(json), .. }) => {
            return Verdict::Error(
                json_problem(&json.path, json.line, json.column, &context.options.root)
                    .unwrap_or_else(|| Problem::new(error.to_string())),
            );
        }
        Some(Unresolved { error, .. }) if is_tsconfig(error) => {
            return Verdict::Error(tsconfig_problem(error, &context.options.root));
        }
        Some(Unresolved { error, .. }) => match hints::reason(error, &context.options.root) {
            Some(reason) => Problem::new(format!("Could not resolve \"{specifier}\": {reason}")),
            None => Problem::new(format!("Could not resolve \"{specifier}\"")),
        },
        None => Problem::new(format!("Could not resolve \"{specifier}\"")),
    };
    let hint = hints::hint(&context.options, Path::new(&importer), &specifier);
    let problem = placed(context, diagnostic, problem).with_hint_if(hint);
    // A package often asks for what it can do without, and asks when it gets there.
    let is_dynamic = unresolved.is_some_and(|it| it.kind == ImportKind::DynamicImport);
    if is_dynamic && importer.contains("/node_modules/") {
        return Verdict::Warning(problem);
    }
    Verdict::Error(problem)
}

fn is_tsconfig(error: &ResolveError) -> bool {
    matches!(
        error,
        ResolveError::TsconfigNotFound(_)
            | ResolveError::TsconfigSelfReference(_)
            | ResolveError::TsconfigCircularExtend(_)
            | ResolveError::TsconfigLoadFailed { .. }
    )
}

/// An error in a tsconfig.json other than the entry's, whose cause rolldown keeps to
/// itself.
fn tsconfig(context: &Context, diagnostic: &BuildDiagnostic) -> Problem {
    let found = context.found();
    let cause = found.unresolved.values().find(|unresolved| is_tsconfig(&unresolved.error));
    match cause {
        Some(unresolved) => tsconfig_problem(&unresolved.error, &context.options.root),
        None => Problem::new(message(context, diagnostic)),
    }
}

fn plain(context: &Context, diagnostic: &BuildDiagnostic) -> Problem {
    let message = message(context, diagnostic);
    let message = match diagnostic.kind() {
        EventKind::JsonParseError => without_place(&message).to_owned(),
        EventKind::MissingExportError => {
            let end = message.find(", imported by ").unwrap_or(message.len());
            message[..end].to_owned()
        }
        EventKind::UnhandleableError | EventKind::PluginError => {
            format!("the bundler failed: {message}")
        }
        _ => message,
    };
    placed(context, diagnostic, Problem::new(message)).with_hint_if(help(context, diagnostic))
}

fn options(context: &Context) -> DiagnosticOptions {
    DiagnosticOptions { cwd: context.options.root.clone() }
}

fn message(context: &Context, diagnostic: &BuildDiagnostic) -> String {
    diagnostic.to_message_with(&options(context)).replace('\0', "")
}

/// The same problem at the diagnostic's place. The text around it comes from the
/// file, for a diagnostic does not give away its own.
fn placed(context: &Context, diagnostic: &BuildDiagnostic, problem: Problem) -> Problem {
    let rendered = diagnostic.to_diagnostic_with(&options(context));
    let Some((file, line, utf16, _)) = rendered.get_primary_location() else {
        return match diagnostic.id() {
            Some(id) if Path::new(&id).is_absolute() => problem.in_file(context.shown(&id)),
            _ => problem,
        };
    };
    let path = context.options.root.join(&file);
    let file = context.shown(&path.to_string_lossy());
    let Ok(text) = std::fs::read_to_string(path) else { return problem.in_file(file) };
    let column = column_in_characters(&text, line, utf16);
    problem.at_position(file, &text, (u32::try_from(line).unwrap_or(u32::MAX), column))
}

/// What oxc advises, which rolldown gives away in its rendered text only.
fn help(context: &Context, diagnostic: &BuildDiagnostic) -> Option<String> {
    let rendered = diagnostic.to_diagnostic_with(&options(context)).to_string();
    let (_, help) = rendered.split_once("Help: ")?;
    let lines = help.lines().map(|line| line.trim_start_matches([' ', '\u{2502}', '|']).trim());
    let text: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let text = text.join(" ");
    Some(text.trim_end_matches(['\u{256f}', '\u{2500}', ' ']).to_owned())
        .filter(|it| !it.is_empty())
}
