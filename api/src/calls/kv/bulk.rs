//! Many keys at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _};
use selvedge_kv::namespace::{
    Operation, PutOptions, check_bulk_bytes, check_key, check_keys, check_value,
};
use selvedge_kv::store::{Attributes, Value as KvValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{answer, data, now, parsed, refused};
use crate::call::Cx;
use crate::error::ApiError;
use crate::options::BULK_BYTES;
use crate::reply::{Answer, Reply};

/// Pairs of one call: 10,000, as on Cloudflare.
const MAX_PAIRS: usize = 10_000;
/// Writes under way.
const AT_ONCE: usize = 64;

#[derive(Deserialize)]
struct Pair {
    key: String,
    value: String,
    #[serde(default)]
    base64: bool,
    expiration: Option<i64>,
    expiration_ttl: Option<i64>,
    metadata: Option<Value>,
}

/// All pairs are checked before the first is stored.
pub(crate) async fn bulk_put(mut cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let pairs: Vec<Pair> = cx.json_within(BULK_BYTES).await?;
    if pairs.len() > MAX_PAIRS {
        let text = format!("at most {MAX_PAIRS} pairs can be stored at once");
        return Err(ApiError::bad(10029, text));
    }
    let now = now(&cx);
    let pairs: Vec<(String, Bytes, Attributes)> =
        pairs.into_iter().map(|pair| checked(pair, now)).collect::<Result<_, _>>()?;
    let count = pairs.len();
    futures::stream::iter(pairs)
        .map(|(key, value, attributes)| data.put(key, value, attributes))
        .buffered(AT_ONCE)
        .try_for_each(|()| std::future::ready(Ok(())))
        .await?;
    Ok(Reply::ok(json!({ "successful_key_count": count, "unsuccessful_keys": [] })))
}

fn checked(pair: Pair, now: u64) -> Result<(String, Bytes, Attributes), ApiError> {
    let named = |error: ApiError| {
        let key: String = pair.key.chars().take(100).collect();
        ApiError { message: format!("\"{key}\": {}", error.message), ..error }
    };
    check_key(Operation::Put, &pair.key).map_err(refused).map_err(named)?;
    let value = match pair.base64 {
        true => STANDARD
            .decode(&pair.value)
            .map_err(|_| named(ApiError::bad(10029, "the value is not base64")))?
            .into(),
        false => Bytes::from(pair.value.clone()),
    };
    check_value(value.len() as u64).map_err(refused).map_err(named)?;
    let options = PutOptions {
        expiration: pair.expiration,
        expiration_ttl: pair.expiration_ttl,
        metadata: pair
            .metadata
            .as_ref()
            .filter(|metadata| !metadata.is_null())
            .map(|metadata| metadata.to_string().into()),
    };
    let attributes = options.attributes(now).map_err(refused).map_err(named)?;
    Ok((pair.key, value, attributes))
}

pub(crate) async fn bulk_delete(mut cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let keys: Vec<String> = cx.json_within(BULK_BYTES).await?;
    check_keys(Operation::DeleteBulk, &keys).map_err(refused)?;
    let count = keys.len();
    data.delete(keys).await?;
    Ok(Reply::ok(json!({ "successful_key_count": count, "unsuccessful_keys": [] })))
}

#[derive(Deserialize)]
struct BulkGet {
    keys: Vec<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "withMetadata", default)]
    with_metadata: bool,
}

/// Keys that are not there have the value `null`.
pub(crate) async fn bulk_get(mut cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let wanted: BulkGet = cx.json().await?;
    check_keys(Operation::GetBulk, &wanted.keys).map_err(refused)?;
    let as_json = match wanted.kind.as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(other) => {
            return Err(ApiError::bad(10029, format!("there is no type \"{other}\"")));
        }
    };
    let now = now(&cx);
    let mut values = Map::new();
    let mut bytes = 0;
    for key in wanted.keys {
        let Some(entry) = answer(data.get(&key, now)).await? else {
            values.insert(key, Value::Null);
            continue;
        };
        bytes += entry.value.length();
        check_bulk_bytes(bytes).map_err(refused)?;
        let metadata = parsed(entry.metadata.as_deref());
        let content = whole(entry.value).await?;
        let value = match as_json {
            true => serde_json::from_slice(&content)
                .map_err(|_| ApiError::bad(10029, format!("the value of \"{key}\" is not JSON")))?,
            false => json!(String::from_utf8_lossy(&content)),
        };
        let value = match wanted.with_metadata {
            true => json!({ "value": value, "metadata": metadata }),
            false => value,
        };
        values.insert(key, value);
    }
    Ok(Reply::ok(json!({ "values": values })))
}

async fn whole(value: KvValue) -> Result<Bytes, ApiError> {
    match value {
        KvValue::Whole(bytes) => Ok(bytes),
        KvValue::Pieces(mut reader) => {
            let mut whole = BytesMut::new();
            while let Some(piece) = reader.next().await? {
                whole.extend_from_slice(&piece);
            }
            Ok(whole.freeze())
        }
    }
}
