//! Where to look when a Worker's exports are not what they should be: V8 knows of no
//! place, so the main module's text is searched for one.

use crate::failure::{Failure, Position, code_frame};
use crate::source_map::{original, source_text};
use crate::worker::{Module, Worker};

/// Adds the place of the default export to a failure, or of the handler in it that
/// the message names; where there is none, that of the module's begin.
pub(super) fn locate(failure: &mut Failure, worker: &Worker) {
    let Some(module) = worker.module(&worker.main) else { return };
    let text = String::from_utf8_lossy(&module.body);
    let handler =
        failure.message.strip_prefix("The handler \"").and_then(|it| it.split('"').next());
    let at = default_export(&text).map(|export| handler_in(&text, export, handler));
    let (name, line, column) = match at {
        Some(at) => placed(module, &text, at),
        None => (module.name.clone(), 1, 1),
    };
    if at.is_some() {
        let source = source_text(worker, &name).unwrap_or_else(|| text.into_owned());
        failure.code_frame = code_frame(&source, line, column);
    }
    failure.position = Some(Position { module: name, line, column });
}

/// The byte at which a line begins with `export default`.
fn default_export(text: &str) -> Option<usize> {
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        if words.starts_with("export default") {
            return Some(from + line.len() - words.len());
        }
        from += line.len();
    }
    None
}

fn handler_in(text: &str, export: usize, handler: Option<&str>) -> usize {
    let Some(handler) = handler else { return export };
    let found = text[export..].match_indices(handler).find(|(at, name)| {
        let before = text[..export + at].chars().next_back();
        let after = text[export + at + name.len()..].trim_start();
        !before.is_some_and(char::is_alphanumeric) && after.starts_with([':', ',', '}'])
    });
    found.map_or(export, |(at, _)| export + at)
}

/// The module, line and column of a byte, in the sources where a map leads there.
fn placed(module: &Module, text: &str, at: usize) -> (String, u32, u32) {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let (line, column) = (number(line), number(column));
    original(module, line, column).unwrap_or_else(|| (module.name.clone(), line, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_is_found_in_the_default_export() {
        let text = "const fetch = 1;\n  export default { prefetch: 1, x() {},\n  fetch: 5 };";
        let export = default_export(text).expect("there is one");
        assert_eq!(&text[export..export + 14], "export default");
        let at = handler_in(text, export, Some("fetch"));
        assert_eq!(&text[at..], "fetch: 5 };");
        assert_eq!(handler_in(text, export, Some("scheduled")), export);
        assert_eq!(default_export("// export default\nexport const x = 1;"), None);
    }
}
