//! Names of modules, and the URLs that V8 knows them by.

use deno_core::url::Url;

/// Where the modules of a Worker lie, in URLs and in the files that it sees.
pub(crate) const ROOT: &str = "file:///bundle/";
/// V8's name of the main module when it is a classic script.
pub(crate) const CLASSIC_SCRIPT: &str = "file:///bundle/worker.js";

/// The URL that V8 knows a module by.
pub fn module_url(name: &str) -> String {
    let mut url = Url::parse(ROOT).expect("the root is a URL");
    // (What is escaped already stays so in a path.)
    url.set_path(&format!("/bundle/{}", name.replace('%', "%25")));
    url.into()
}

/// The module that a URL of V8's names, if it is one of the Worker's. (What a
/// source map puts beside the bundle has its path as the name.)
pub(crate) fn module_name(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    if parsed.scheme() != "file" {
        return None;
    }
    let path = parsed.path();
    let path = path.strip_prefix("/bundle/").unwrap_or_else(|| path.trim_start_matches('/'));
    Some(percent_decode(path))
}

/// The same for URLs below [`ROOT`] alone.
pub(super) fn name_in_bundle(url: &Url) -> Option<String> {
    let is_below = url.scheme() == "file" && url.host().is_none();
    let path = is_below.then(|| url.path().strip_prefix("/bundle/")).flatten()?;
    Some(percent_decode(path))
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let code = (bytes[index] == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                out.push(code);
                index += 3;
            }
            None => {
                out.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_from_its_url() {
        for name in ["main.js", "lib/a b.js", "%61.js", "a.wasm?module", "x#y.js", "\u{e4}.js"] {
            assert_eq!(module_name(&module_url(name)).as_deref(), Some(name));
        }
        assert_eq!(module_name("ext:core/mod.js"), None);
        assert_eq!(module_name("file:///src/a.ts").as_deref(), Some("src/a.ts"));
    }

    #[test]
    fn only_what_is_below_the_root_is_in_the_bundle() {
        let name = |url| name_in_bundle(&Url::parse(url).expect("a URL"));
        assert_eq!(name("file:///bundle/a.js?x#y").as_deref(), Some("a.js"));
        assert_eq!(name("file:///a.js"), None);
        assert_eq!(name("file://host/bundle/a.js"), None);
        assert_eq!(name("http://bundle/bundle/a.js"), None);
    }
}
