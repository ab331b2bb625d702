//! Tokens of uploads: JSON Web Tokens that this server signs for itself.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// `{"alg":"HS256","typ":"JWT"}`
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Purpose {
    /// To upload files.
    Upload,
    /// To use what was uploaded in a version.
    Complete,
}

/// What a token says. Clients may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The session.
    pub(crate) session: String,
    /// What for.
    pub(crate) purpose: Purpose,
    /// Until when, in Unix seconds.
    pub(crate) exp: i64,
}

pub(crate) fn sign(key: &[u8], claims: &Claims) -> String {
    // A struct of strings and numbers always has a form in JSON.
    let payload = serde_json::to_vec(claims).unwrap_or_default();
    let text = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The claims of a token that this server signed and that is still valid.
pub(crate) fn verify(key: &[u8], token: &str, now_seconds: i64) -> Option<Claims> {
    let (text, tag) = token.rsplit_once('.')?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes(), &tag).ok()?;
    let (header, payload) = text.split_once('.')?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    (header == HEADER && claims.exp > now_seconds).then_some(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_this_key_and_time_are_valid() {
        let claims = Claims { session: "s".to_owned(), purpose: Purpose::Upload, exp: 100 };
        let token = sign(&[1; 32], &claims);
        assert_eq!(
            URL_SAFE_NO_PAD.decode(HEADER).expect("base64"),
            br#"{"alg":"HS256","typ":"JWT"}"#
        );
        assert_eq!(verify(&[1; 32], &token, 99), Some(claims));
        assert_eq!(verify(&[1; 32], &token, 100), None, "it has expired");
        assert_eq!(verify(&[2; 32], &token, 99), None, "another key");
        let mut parts: Vec<&str> = token.split('.').collect();
        let forged = URL_SAFE_NO_PAD.encode(br#"{"session":"s","purpose":"complete","exp":100}"#);
        parts[1] = &forged;
        assert_eq!(verify(&[1; 32], &parts.join("."), 99), None, "changed");
        for text in ["", ".", "..", "a.b.c", HEADER] {
            assert_eq!(verify(&[1; 32], text, 99), None, "{text}");
        }
    }
}
