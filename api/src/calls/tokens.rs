//! Tokens: making them needs the scope admin, and gives no more than one has.

use selvedge_deployments::{AccountId, NewToken, Scope, Scopes, Token, TokenId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::{iso, parse};

pub(crate) fn shown(token: &Token) -> Value {
    json!({
        "id": token.id, "name": token.name, "account": token.account,
        "scopes": token.scopes,
        "issued_on": iso(token.created_on),
        "expires_on": token.expires_on.map(iso),
        "last_used_on": token.last_used_on.map(iso),
        "status": "active",
    })
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    listed(&cx, Some(account)).await
}

pub(crate) async fn list_all(cx: Cx) -> Answer {
    listed(&cx, None).await
}

async fn listed(cx: &Cx, account: Option<AccountId>) -> Answer {
    let tokens = cx.store(move |store| store.tokens(account.as_ref())).await?;
    Ok(Reply::list(tokens.iter().map(shown).collect()))
}

#[derive(Deserialize)]
struct New {
    name: String,
    scopes: Vec<String>,
    expires_on: Option<String>,
}

pub(crate) async fn create(cx: Cx) -> Answer {
    let account = cx.account()?;
    made(cx, Some(account)).await
}

pub(crate) async fn create_operator(cx: Cx) -> Answer {
    made(cx, None).await
}

async fn made(mut cx: Cx, account: Option<AccountId>) -> Answer {
    let new: New = cx.json().await?;
    let scopes: Result<Vec<Scope>, _> = new.scopes.iter().map(|scope| scope.parse()).collect();
    let expires_on = match new.expires_on {
        None => None,
        Some(text) => Some(parse(&text).ok_or_else(|| {
            ApiError::bad(10004, "\"expires_on\" is not a time as 2026-08-01T12:00:00Z")
        })?),
    };
    let new = NewToken { account, name: new.name, scopes: Scopes::new(scopes?), expires_on };
    let by = cx.actor()?;
    let (token, secret) = cx.store(move |store| store.create_token(new, &by)).await?;
    let mut item = shown(&token);
    item["value"] = json!(secret.reveal());
    Ok(Reply::ok(item))
}

pub(crate) async fn revoke(cx: Cx) -> Answer {
    let account = cx.account()?;
    revoked(&cx, Some(account)).await
}

pub(crate) async fn revoke_any(cx: Cx) -> Answer {
    revoked(&cx, None).await
}

async fn revoked(cx: &Cx, account: Option<AccountId>) -> Answer {
    let missing = |_| ApiError::not_found(1003, "there is no such token");
    let id: TokenId = cx.param("token")?.parse().map_err(missing)?;
    let by = cx.actor()?;
    let wanted = id.clone();
    cx.store(move |store| store.revoke_token(account.as_ref(), &wanted, &by)).await?;
    Ok(Reply::ok(json!({ "id": id })))
}
