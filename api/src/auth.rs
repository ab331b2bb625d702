//! Who asks, and whether that is allowed.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use selvedge_deployments::{AccountId, Actor, Scope, Scopes, Token, TokenId};

use crate::error::ApiError;
use crate::{Api, ApiOptions};

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Token,
}

impl Caller {
    /// The one who is written down with a change.
    pub(crate) fn actor(&self) -> Actor {
        Actor { token: Some(self.token.id.clone()), name: self.token.name.clone() }
    }

    /// Whether it may do what needs this scope in this account.
    pub(crate) fn check(&self, needed: Scope, account: &AccountId) -> Result<(), ApiError> {
        if self.token.account.as_ref().is_some_and(|own| own != account) {
            return Err(ApiError::forbidden(""));
        }
        if !self.token.scopes.allow(needed) {
            return Err(ApiError::forbidden(&format!("the token lacks the scope \"{needed}\"")));
        }
        Ok(())
    }

    pub(crate) fn check_operator(&self) -> Result<(), ApiError> {
        if self.token.is_operator() {
            return Ok(());
        }
        Err(ApiError::forbidden("only the operator of the server may do this"))
    }
}

/// The token that a request brings.
fn presented(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-auth-key") {
        return key.to_str().ok();
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl Api {
    /// The caller, or why there is none.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        peer: IpAddr,
        unknown: u32,
    ) -> Result<Caller, ApiError> {
        let Some(secret) = presented(headers) else {
            let text =
                "Authentication failed: the request has no header \"Authorization: Bearer ..\"";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, 9106, text));
        };
        if let Some(token) = control_token(&self.0.options, secret) {
            return Ok(Caller { token });
        }
        let owned = secret.to_owned();
        let found = self.blocking(move |api| Ok(api.store.token_of(&owned)?)).await?;
        match found {
            Some(token) => Ok(Caller { token }),
            None => Err(self.refuse(peer, unknown)),
        }
    }

    fn refuse(&self, peer: IpAddr, code: u32) -> ApiError {
        if let Some(seconds) = self.0.failures.note(peer, (self.0.options.clock)()) {
            let text = "too many requests with tokens that are not valid";
            let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, 971, text);
            error.retry_after = Some(seconds);
            return error;
        }
        let text = if code == 1000 { "Invalid API Token" } else { "Invalid access token" };
        ApiError::new(StatusCode::UNAUTHORIZED, code, text)
    }

    /// Runs what blocks where it may.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&crate::Inner) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let inner = self.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        done.unwrap_or_else(|error| Err(ApiError::internal(&format!("a call ended: {error}"))))
    }
}

/// The operator, on the same machine.
fn control_token(options: &ApiOptions, secret: &str) -> Option<Token> {
    let control = options.control_token.as_deref().filter(|control| !control.is_empty())?;
    verify_slices_are_equal(control.as_bytes(), secret.as_bytes()).ok()?;
    let id: TokenId = "0".repeat(32).parse().ok()?;
    Some(Token {
        id,
        account: None,
        name: "operator".to_owned(),
        scopes: Scopes::new([Scope::Admin]),
        created_on: 0,
        expires_on: None,
        last_used_on: None,
    })
}
