//! Modules of Node.js, and what wrangler says of them.

use nodejs_built_in_modules::is_nodejs_builtin_module;

use crate::problem::Problem;

/// Whether a specifier without `node:` names a module of Node.js, as `fs` does.
pub(crate) fn is_bare_builtin(specifier: &str) -> bool {
    !specifier.starts_with("node:") && is_nodejs_builtin_module(specifier)
}

/// What to do about `fs` where no flag makes it mean `node:fs`. wrangler's text.
pub(crate) fn missing_hint(specifier: &str) -> String {
    format!(
        "The package \"{specifier}\" wasn't found on the file system but is built into node.\n\
         - Add the \"nodejs_compat\" compatibility flag to your project."
    )
}

/// Says that `node:fs` is imported where no flag makes it be there. wrangler's text.
pub(crate) fn unsupported_warning<'a>(
    specifier: &str,
    importers: impl IntoIterator<Item = &'a String>,
) -> Problem {
    let importers: Vec<_> = importers.into_iter().map(|file| format!(" - {file}")).collect();
    Problem::new(format!(
        "The package \"{specifier}\" wasn't found on the file system but is built into node.\n\
         Your Worker may throw errors at runtime unless you enable the \"nodejs_compat\" \
         compatibility flag. Refer to https://developers.cloudflare.com/workers/runtime-apis/nodejs/ \
         for more details. Imported from:\n{}",
        importers.join("\n")
    ))
}

/// Says that a script cannot import what only the runtime has. wrangler's text.
pub(crate) fn in_service_worker(specifiers: &[&str]) -> Problem {
    let quoted: Vec<_> = specifiers.iter().map(|name| format!("\"{name}\"")).collect();
    let list = match quoted.as_slice() {
        [one] => one.clone(),
        [first, second] => format!("{first} and {second}"),
        [all @ .., last] => format!("{}, and {last}", all.join(", ")),
        [] => String::new(),
    };
    Problem::new(format!(
        "Unexpected external import of {list}.\n\
         Your worker has no default export, which means it is assumed to be a Service Worker \
         format Worker.\n\
         Did you mean to create a ES Module format Worker?\n\
         If so, try adding `export default {{ ... }}` in your entry-point.\n\
         See https://developers.cloudflare.com/workers/reference/migrate-to-module-workers/"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_node_are_builtin() {
        assert!(is_bare_builtin("fs") && is_bare_builtin("fs/promises"));
        assert!(!is_bare_builtin("node:fs") && !is_bare_builtin("hono"));
    }

    #[test]
    fn lists_read_as_english() {
        let of = |names: &[&str]| in_service_worker(names).message;
        assert!(of(&["a"]).starts_with("Unexpected external import of \"a\".\n"));
        assert!(of(&["a", "b"]).contains("of \"a\" and \"b\"."));
        assert!(of(&["a", "b", "c"]).contains("of \"a\", \"b\", and \"c\"."));
    }
}
