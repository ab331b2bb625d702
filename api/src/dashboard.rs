//! The files of the dashboard: a page of plain modules that talks to this API
//! like any other client. They are part of the binary, and need no build.

/// What the page may do: load its own files and ask its own server. Nothing
/// inline, nothing from elsewhere, in no frame.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// A file of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DashboardFile {
    /// For `Content-Type`.
    pub content_type: &'static str,
    pub body: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($name:literal $content_type:expr;)*) => {
        &[$((
            $name,
            DashboardFile {
                content_type: $content_type,
                body: include_bytes!(concat!("../dashboard/", $name)),
            },
        )),*]
    };
}

const FILES: &[(&str, DashboardFile)] = files! {
    "index.html" HTML;
    "style.css" CSS;
    "icon.svg" SVG;
    "main.js" SCRIPT;
    "lib/api.js" SCRIPT;
    "lib/bindings.js" SCRIPT;
    "lib/chart.js" SCRIPT;
    "lib/dom.js" SCRIPT;
    "lib/figures.js" SCRIPT;
    "lib/format.js" SCRIPT;
    "views/accounts.js" SCRIPT;
    "views/kv.js" SCRIPT;
    "views/live.js" SCRIPT;
    "views/logs.js" SCRIPT;
    "views/objects.js" SCRIPT;
    "views/overview.js" SCRIPT;
    "views/parts.js" SCRIPT;
    "views/signin.js" SCRIPT;
    "views/stores.js" SCRIPT;
    "views/tokens.js" SCRIPT;
    "views/worker.js" SCRIPT;
};

/// The headers that each of these answers must have, besides its type.
pub const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // Another binary brings other files.
    ("cache-control", "no-cache"),
];

/// The file at a path of the admin listener: `/`, or below `/dashboard/`.
pub fn file(path: &str) -> Option<DashboardFile> {
    let name = match path {
        "/" | "/dashboard" | "/dashboard/" => "index.html",
        path => path.strip_prefix("/dashboard/")?,
    };
    FILES.iter().find(|(known, _)| *known == name).map(|(_, file)| *file)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn walk(folder: &Path, found: &mut BTreeSet<String>, root: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found, root);
            } else {
                let name = path.strip_prefix(root).expect("below it").to_str().expect("UTF-8");
                found.insert(name.to_owned());
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_in_the_binary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboard");
        let mut found = BTreeSet::new();
        walk(&root, &mut found, &root);
        let listed: BTreeSet<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(listed, found);
    }

    #[test]
    fn paths_lead_to_files() {
        assert_eq!(file("/").map(|file| file.content_type), Some(HTML));
        assert_eq!(file("/dashboard/lib/dom.js").map(|file| file.content_type), Some(SCRIPT));
        for path in ["/dashboard/nothing.js", "/main.js", "/dashboard/../main.js", ""] {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn nothing_in_the_page_needs_what_the_policy_forbids() {
        for (name, file) in FILES {
            let text = std::str::from_utf8(file.body).expect("text");
            for word in
                ["innerHTML", "eval(", "style=\"", "onclick=\"", "http://cdn", "https://cdn"]
            {
                assert!(!text.contains(word), "{name} has {word}");
            }
        }
    }
}
