//! The platform as isolates start with it.

mod extensions;

use selvedge_runtime::{CodeCache, PlatformParts};

/// The startup snapshot.
static SNAPSHOT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/platform.bin"));

/// Scripts that load on first use, sorted by name.
static LAZY_SCRIPTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/lazy.rs"));

/// All that isolates are made from. Compiled code is kept in `code_cache`.
pub fn platform_parts(code_cache: Option<CodeCache>) -> PlatformParts {
    PlatformParts {
        snapshot: SNAPSHOT,
        lazy_scripts: LAZY_SCRIPTS,
        extensions: || selvedge_js::without_sources(extensions::extensions_with_sources()),
        code_cache,
    }
}
