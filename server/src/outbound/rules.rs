//! What a Worker's compatibility flags change of its subrequests.

use selvedge_runtime::compatibility::Compatibility;

/// Asked for once in an isolate's life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether `br` is asked for and undone.
    pub(crate) brotli: bool,
    /// Whether a redirect to another origin takes away what that must not see.
    pub(crate) strips_secrets: bool,
}

impl Rules {
    pub(crate) fn of(compatibility: &Compatibility) -> Self {
        Self {
            brotli: compatibility.is_on("brotli_content_encoding"),
            strips_secrets: compatibility.is_on("strip_authorization_on_cross_origin_redirect"),
        }
    }
}
