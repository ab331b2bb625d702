//! Who asks: what `wrangler whoami` shows.

use selvedge_deployments::Account;
use serde_json::{Value, json};

use super::tokens;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};

pub(crate) async fn user(cx: Cx) -> Answer {
    let token = &cx.caller()?.token;
    // There are no people here, only tokens; the name stands for one.
    Ok(Reply::ok(json!({
        "id": token.id, "email": token.name, "first_name": token.name, "last_name": null,
        "username": token.name, "two_factor_authentication_enabled": false,
    })))
}

pub(crate) async fn verify(cx: Cx) -> Answer {
    let token = &cx.caller()?.token;
    let mut shown = tokens::shown(token);
    shown["status"] = json!("active");
    let text = "This API Token is valid and active".to_owned();
    Ok(Reply::ok(shown).with_messages(vec![text]))
}

/// A token can look at itself, the operator at all.
pub(crate) async fn token(cx: Cx) -> Answer {
    let wanted = cx.param("token")?.to_owned();
    let own = cx.caller()?.token.clone();
    if own.id.as_str() == wanted {
        return Ok(Reply::ok(tokens::shown(&own)));
    }
    cx.caller()?.check_operator()?;
    let all = cx.store(|store| store.tokens(None)).await?;
    let found = all.iter().find(|token| token.id.as_str() == wanted);
    let missing = || ApiError::not_found(1003, "there is no such token");
    Ok(Reply::ok(tokens::shown(found.ok_or_else(missing)?)))
}

/// The accounts that the caller may see.
pub(crate) async fn visible(cx: &Cx) -> Result<Vec<Account>, ApiError> {
    let own = cx.caller()?.token.account.clone();
    let accounts = cx
        .store(move |store| match own {
            Some(id) => Ok(store.account(&id)?.into_iter().collect()),
            None => store.accounts(),
        })
        .await?;
    Ok(accounts)
}

pub(crate) async fn memberships(cx: Cx) -> Answer {
    let token = cx.caller()?.token.clone();
    let roles: Vec<Value> = token.scopes.iter().map(|scope| json!(scope.as_str())).collect();
    let items = visible(&cx).await?.into_iter().map(|account| {
        json!({
            "id": account.id, "status": "accepted", "roles": roles,
            "account": { "id": account.id, "name": account.name },
            "permissions": {},
        })
    });
    Ok(Reply::list(items.collect()))
}
