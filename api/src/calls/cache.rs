//! Purging the cache: what an account's responses were kept as is forgotten
//! (<https://developers.cloudflare.com/api/resources/cache/methods/purge/>).

use selvedge_deployments::{AccountId, Scope};
use serde::Deserialize;
use serde_json::{Value, json};

use super::zones;
use crate::call::Cx;
use crate::error::ApiError;
use crate::host::CachePurge;
use crate::reply::{Answer, Reply};

/// What one call may name.
const MAX_NAMES: usize = 1000;
/// Cloudflare's code for a body that names nothing to purge.
const INVALID_PURGE: u32 = 1094;

/// What is to be forgotten; exactly one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    purge_everything: bool,
    #[serde(default)]
    files: Vec<Value>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    prefixes: Vec<String>,
    /// Names of Workers: what is kept before them. Cloudflare has no such call.
    #[serde(default)]
    workers: Vec<String>,
}

impl Wanted {
    fn purges(self) -> Result<Vec<CachePurge>, ApiError> {
        let invalid = |text: &str| ApiError::bad(INVALID_PURGE, text);
        // `{ "url": .., "headers": .. }` names the URL with all of its variants.
        let url = |file: &Value| {
            let text = file.as_str().or_else(|| file["url"].as_str()).map(str::to_owned);
            text.ok_or_else(|| invalid("a file is a URL, or an object with a \"url\""))
        };
        let urls = self.files.iter().map(url).collect::<Result<Vec<_>, _>>()?;
        let mut all: Vec<_> = urls.into_iter().map(CachePurge::Url).collect();
        all.extend(self.tags.into_iter().map(CachePurge::Tag));
        all.extend(self.hosts.into_iter().chain(self.prefixes).map(CachePurge::Prefix));
        all.extend(self.workers.into_iter().map(CachePurge::Worker));
        let is_empty = |purge: &CachePurge| match purge {
            CachePurge::Everything => false,
            CachePurge::Url(text)
            | CachePurge::Prefix(text)
            | CachePurge::Tag(text)
            | CachePurge::Worker(text) => text.trim().is_empty(),
        };
        if all.iter().any(is_empty) {
            return Err(invalid("what is to be purged has no name"));
        }
        match (self.purge_everything, all.len()) {
            (true, 0) => Ok(vec![CachePurge::Everything]),
            (true, _) => Err(invalid("purge_everything stands alone")),
            (false, 0) => Err(invalid(
                "name what to purge: purge_everything, files, tags, hosts, prefixes or workers",
            )),
            (false, count) if count > MAX_NAMES => {
                Err(invalid(&format!("one call purges {MAX_NAMES} names at most")))
            }
            (false, _) => Ok(all),
        }
    }
}

async fn purge(cx: &mut Cx, account: AccountId, id: String) -> Answer {
    let wanted: Wanted = cx.json().await?;
    let purges = wanted.purges()?;
    cx.blocking(move |inner| Ok(inner.host.purge_cache(&account, &purges)?)).await?;
    Ok(Reply::ok(json!({ "id": id })))
}

/// An account has one cache: its zones share it, and "everything" is all of it.
pub(crate) async fn purge_zone(mut cx: Cx) -> Answer {
    let (_, zone) = zones::find(&cx, Scope::Deploy).await?;
    let zone = zone.ok_or_else(|| ApiError::not_found(1001, "Invalid zone identifier"))?;
    purge(&mut cx, zone.account, zone.id).await
}

pub(crate) async fn purge_account(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let id = account.to_string();
    purge(&mut cx, account, id).await
}
