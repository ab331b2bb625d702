//! Why a call failed.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Serialize};

/// Codes of Cloudflare's API that callers act on.
pub mod code {
    /// The token is not valid.
    pub const AUTHENTICATION: i64 = 10_000;
    /// There is no such Worker.
    pub const SCRIPT_NOT_FOUND: i64 = 10_007;
    /// The Worker does not start.
    pub const VALIDATION: i64 = 10_021;
    /// The Worker is too large.
    pub const TOO_LARGE: i64 = 10_027;
    /// A binding that was to be taken over is not there.
    pub const INHERIT: i64 = 10_057;
    /// The newest version is not the deployed one.
    pub const NOT_LATEST: i64 = 10_215;
}

/// One entry of `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    #[serde(default)]
    pub code: i64,
    #[serde(default)]
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [code: {}]", self.message, self.code)
    }
}

/// Why a call failed. Texts name the call, never the token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server understood and refused.
    #[error("{}", refusal(.errors, *.status, .call))]
    Refused {
        /// Method and path.
        call: String,
        status: StatusCode,
        errors: Vec<ApiError>,
    },
    /// There was no answer.
    #[error("cannot reach {origin}: {reason}")]
    Network { origin: String, reason: String },
    /// There was an answer, and it is not this API's.
    #[error("{call}: the answer is not one of the API (status {status}): {reason}")]
    Unexpected { call: String, status: StatusCode, reason: String },
    /// The call cannot be made at all.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// The first code of the server's refusal.
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Refused { errors, .. } => errors.first().map(|error| error.code),
            _ => None,
        }
    }

    /// Whether the server refused with this code.
    pub fn is(&self, code: i64) -> bool {
        match self {
            Self::Refused { errors, .. } => errors.iter().any(|error| error.code == code),
            _ => false,
        }
    }

    /// Whether what was asked for is not there.
    pub fn is_not_found(&self) -> bool {
        const NOT_FOUND: [i64; 3] = [code::SCRIPT_NOT_FOUND, 10_090, 10_092];
        NOT_FOUND.iter().any(|code| self.is(*code))
    }

    /// Whether the server does not know who asks, or does not let them.
    pub fn is_unauthorized(&self) -> bool {
        matches!(
            self,
            Self::Refused { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. }
        )
    }
}

fn refusal(errors: &[ApiError], status: StatusCode, call: &str) -> String {
    if errors.is_empty() {
        return format!("{call}: the server answered {status}");
    }
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_reads_as_wrangler_prints_it() {
        let error = Error::Refused {
            call: "GET /x".into(),
            status: StatusCode::NOT_FOUND,
            errors: vec![ApiError { code: 10_007, message: "no such script".into() }],
        };
        assert_eq!(error.to_string(), "no such script [code: 10007]");
        assert!(error.is_not_found() && !error.is_unauthorized());
    }

    #[test]
    fn a_refusal_without_errors_names_the_call() {
        let error =
            Error::Refused { call: "GET /x".into(), status: StatusCode::FORBIDDEN, errors: vec![] };
        assert_eq!(error.to_string(), "GET /x: the server answered 403 Forbidden");
        assert_eq!(error.code(), None);
    }
}
