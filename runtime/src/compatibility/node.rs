//! Which modules of Node.js a Worker has.

use super::{Compatibility, Flag};

/// The modules by their names without `node:`, and the flag that can turn each off.
pub const NODE_MODULES: &[(&str, Option<&str>)] = &[
    ("_http_agent", Some("enable_nodejs_http_modules")),
    ("_http_client", Some("enable_nodejs_http_modules")),
    ("_http_common", Some("enable_nodejs_http_modules")),
    ("_http_incoming", Some("enable_nodejs_http_modules")),
    ("_http_outgoing", Some("enable_nodejs_http_modules")),
    ("_http_server", Some("enable_nodejs_http_server_modules")),
    ("_stream_duplex", None),
    ("_stream_passthrough", None),
    ("_stream_readable", None),
    ("_stream_transform", None),
    ("_stream_wrap", Some("enable_nodejs_stream_wrap_module")),
    ("_stream_writable", None),
    ("_tls_common", None),
    ("_tls_wrap", None),
    ("assert", None),
    ("assert/strict", None),
    ("async_hooks", None),
    ("buffer", None),
    ("child_process", Some("enable_nodejs_child_process_module")),
    ("cluster", Some("enable_nodejs_cluster_module")),
    ("console", Some("enable_nodejs_console_module")),
    ("constants", None),
    ("crypto", None),
    ("dgram", Some("enable_nodejs_dgram_module")),
    ("diagnostics_channel", None),
    ("dns", None),
    ("dns/promises", None),
    ("domain", Some("enable_nodejs_domain_module")),
    ("events", None),
    ("fs", Some("enable_nodejs_fs_module")),
    ("fs/promises", Some("enable_nodejs_fs_module")),
    ("http", Some("enable_nodejs_http_modules")),
    ("http2", Some("enable_nodejs_http2_module")),
    ("https", Some("enable_nodejs_http_modules")),
    ("inspector", Some("enable_nodejs_inspector_module")),
    ("inspector/promises", Some("enable_nodejs_inspector_module")),
    ("module", None),
    ("net", None),
    ("os", Some("enable_nodejs_os_module")),
    ("path", None),
    ("path/posix", None),
    ("path/win32", None),
    ("perf_hooks", Some("enable_nodejs_perf_hooks_module")),
    ("process", None),
    ("punycode", Some("enable_nodejs_punycode_module")),
    ("querystring", None),
    ("readline", Some("enable_nodejs_readline_module")),
    ("readline/promises", Some("enable_nodejs_readline_module")),
    ("repl", Some("enable_nodejs_repl_module")),
    ("sqlite", Some("enable_nodejs_sqlite_module")),
    ("stream", None),
    ("stream/consumers", None),
    ("stream/promises", None),
    ("stream/web", None),
    ("string_decoder", None),
    ("sys", None),
    ("test", None),
    ("timers", None),
    ("timers/promises", None),
    ("tls", None),
    ("trace_events", Some("enable_nodejs_trace_events_module")),
    ("tty", Some("enable_nodejs_tty_module")),
    ("url", None),
    ("util", None),
    ("util/types", None),
    ("v8", Some("enable_nodejs_v8_module")),
    ("vm", Some("enable_nodejs_vm_module")),
    ("wasi", Some("enable_nodejs_wasi_module")),
    ("worker_threads", Some("enable_nodejs_worker_threads_module")),
    ("zlib", None),
];

/// Names that mean something without `node:` only where they are not a package.
const PREFIXED_ONLY: &[&str] = &["sqlite", "test"];

impl Compatibility {
    /// The module of Node.js that a specifier names, as `node:fs`; `None` if it names
    /// none or the Worker has none. Cloudflare's runtime has some only from a date on;
    /// before it wrangler bundles substitutes, so that they are there as well.
    pub fn node_module(&self, specifier: &str) -> Option<String> {
        let prefixed = specifier.strip_prefix("node:");
        let name = prefixed.unwrap_or(specifier);
        let (_, flag) = NODE_MODULES.iter().find(|(known, _)| *known == name)?;
        let bare = prefixed.is_none();
        if bare && (PREFIXED_ONLY.contains(&name) || !self.is_on("nodejs_compat_v2")) {
            return None;
        }
        let has = if self.is_on("nodejs_compat") {
            !flag.is_some_and(|flag| self.turns_off(flag))
        } else {
            name == "async_hooks" && self.is_on("nodejs_als")
        };
        has.then(|| format!("node:{name}"))
    }

    /// Whether `process` has only what Cloudflare's runtime gave it at first. From the
    /// date of `nodejs_compat_v2` on wrangler bundles the rest, so that only a Worker
    /// that asks for it is without.
    pub fn has_partial_process(&self) -> bool {
        const WHOLE: &str = "enable_nodejs_process_v2";
        !self.is_on(WHOLE) && (self.turns_off(WHOLE) || !self.is_on("nodejs_compat_v2"))
    }

    /// Whether the Worker's flags name the one that turns this one off.
    fn turns_off(&self, enable: &str) -> bool {
        let disable = Flag::named(enable).and_then(|(flag, _)| flag.disable);
        disable.is_some_and(|disable| self.has(disable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(date: &str, flags: &[&str]) -> Compatibility {
        Compatibility {
            date: date.into(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    #[test]
    fn modules_are_there_with_the_flag_or_from_its_date_on() {
        let has = |date, flags: &[&str], name| with(date, flags).node_module(name).is_some();
        assert!(!has("2026-01-01", &[], "node:fs"));
        assert!(has("2026-08-04", &[], "node:fs") && has("2026-08-04", &[], "fs"));
        assert!(has("2024-09-23", &["nodejs_compat"], "fs/promises"));
        assert!(!has("2024-09-22", &["nodejs_compat"], "path"), "only as node:path");
        assert!(has("2024-09-22", &["nodejs_compat"], "node:path"));
        assert!(!has("2026-11-01", &["disable_nodejs_fs_module"], "node:fs"));
        assert!(!has("2026-11-01", &[], "node:nothing") && !has("2026-11-01", &[], "sqlite"));
        assert!(has("2024-01-01", &["nodejs_als"], "node:async_hooks"));
        assert!(!has("2024-01-01", &["nodejs_als"], "node:buffer"));
    }

    #[test]
    fn process_is_partial_where_nobody_completes_it() {
        let partial = |date, flags: &[&str]| with(date, flags).has_partial_process();
        assert!(partial("2024-09-22", &["nodejs_compat"]));
        assert!(!partial("2024-09-23", &["nodejs_compat"]));
        assert!(partial("2026-11-01", &["disable_nodejs_process_v2"]));
        assert!(!partial("2024-09-22", &["nodejs_compat", "enable_nodejs_process_v2"]));
        assert!(!partial("", &[]));
    }

    #[test]
    fn the_flags_are_known() {
        for flag in NODE_MODULES.iter().filter_map(|(_, flag)| *flag) {
            assert!(Flag::named(flag).is_some_and(|(flag, _)| flag.disable.is_some()), "{flag}");
        }
    }
}
