//! How a client comes in: who it is, and what it wants to be set.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::{Credentials, Session, new_key};
use crate::origin::Origin;
use crate::pool::{ClientKey, Pools, parameter};
use crate::wire::{self, Fatal};

/// Parameters of a start-up message that are no settings.
const NO_SETTINGS: [&[u8]; 3] = [b"user", b"database", b"client_encoding"];

/// Lets a client in, which may have sent more already. `None` when it was not one.
pub(super) async fn begin(
    pools: &Arc<Pools>,
    id: &str,
    origin: Result<Origin, String>,
    credentials: &Credentials,
    client: &mut DuplexStream,
) -> Result<Option<(Session, BytesMut, ClientKey)>, Fatal> {
    let mut buffer = BytesMut::new();
    let Some(parameters) = startup(pools, client, &mut buffer).await? else { return Ok(None) };
    let text = |name: &[u8]| {
        let mut pairs = parameters.iter().filter(|(key, _)| key == name);
        pairs.next().map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let (user, database) = (text(b"user").unwrap_or_default(), text(b"database"));
    password(client, &mut buffer, credentials, &user).await?;
    let origin = origin.map_err(|text| Fatal::new("08001", text))?;
    if database.as_ref().is_some_and(|name| *name != origin.database) {
        let text = format!("database \"{}\" does not exist", database.unwrap_or_default());
        return Err(Fatal::new("3D000", text));
    }
    let encoding = text(b"client_encoding").unwrap_or_default().to_ascii_uppercase();
    if !matches!(encoding.trim_matches('\''), "" | "UTF8" | "UTF-8" | "UNICODE") {
        return Err(Fatal::new("22023", "the client_encoding over Hyperdrive is UTF8"));
    }
    let settings = settings(&parameters)?;
    let pool = pools.pool(id, origin);
    // Who cannot reach the origin learns that here, and what the origin is.
    let mut lent = pool.lend().await?;
    let set = match &settings {
        Some(sql) => lent.server.run(sql).await,
        None => Ok(()),
    };
    let mut out = BytesMut::new();
    wire::put(&mut out, b'R', &0_i32.to_be_bytes());
    for (name, value) in &lent.server.parameters {
        wire::put(&mut out, b'S', &parameter(name, value));
    }
    tokio::spawn({
        let pool = pool.clone();
        async move { pool.give_back(lent).await }
    });
    set?;
    let key = new_key()?;
    wire::put(&mut out, b'K', &key);
    wire::put(&mut out, b'Z', b"I");
    let session = Session::new(pool, settings, pools.enter(key));
    if client.write_all(&out).await.is_err() {
        pools.leave(&key);
        return Ok(None);
    }
    Ok(Some((session, buffer, key)))
}

type Parameters = Vec<(Bytes, Bytes)>;

/// Reads up to the start-up message. `None`: it was something else, or nothing.
async fn startup(
    pools: &Arc<Pools>,
    client: &mut DuplexStream,
    buffer: &mut BytesMut,
) -> Result<Option<Parameters>, Fatal> {
    loop {
        let Some((code, rest)) = wire::take_startup(buffer)? else {
            match client.read_buf(buffer).await {
                Ok(read) if read > 0 => continue,
                _ => return Ok(None),
            }
        };
        match code {
            // The pipe is inside of the process: there is nobody to hide from.
            wire::SSL | wire::GSS => {
                if client.write_all(b"N").await.is_err() {
                    return Ok(None);
                }
            }
            wire::CANCEL => {
                pools.cancel(&rest).await;
                return Ok(None);
            }
            wire::VERSION => {
                return Ok(Some(pairs(&rest)));
            }
            // A later version 3: what it adds is not spoken.
            code if code >> 16 == 3 => {
                let mut body = BytesMut::new();
                body.put_i32(0);
                body.put_i32(0);
                let mut out = BytesMut::new();
                wire::put(&mut out, b'v', &body);
                if client.write_all(&out).await.is_err() {
                    return Ok(None);
                }
                return Ok(Some(pairs(&rest)));
            }
            _ => return Err(Fatal::from("the version of the protocol is not supported")),
        }
    }
}

/// Names and values, one after the other.
fn pairs(bytes: &Bytes) -> Parameters {
    let mut pairs = Vec::new();
    let mut rest = &bytes[..];
    while let Some((name, after)) = wire::string(rest)
        && !name.is_empty()
        && let Some((value, next)) = wire::string(after)
    {
        pairs.push((bytes.slice_ref(name), bytes.slice_ref(value)));
        rest = next;
    }
    pairs
}

/// Asks for the password that the Worker was told.
async fn password(
    client: &mut DuplexStream,
    buffer: &mut BytesMut,
    credentials: &Credentials,
    user: &str,
) -> Result<(), Fatal> {
    let gone = |_| Fatal::new("08006", "the client is gone");
    let mut out = BytesMut::new();
    wire::put(&mut out, b'R', &3_i32.to_be_bytes());
    client.write_all(&out).await.map_err(gone)?;
    let message = loop {
        if let Some(message) = wire::take(buffer)? {
            break message;
        }
        if client.read_buf(buffer).await.map_err(gone)? == 0 {
            return Err(Fatal::new("08006", "the client is gone"));
        }
    };
    let given = wire::string(message.body()).map(|(text, _)| text);
    let is_right = message.tag == b'p'
        && user == credentials.user
        && given == Some(credentials.password.as_bytes());
    if is_right {
        return Ok(());
    }
    let text = format!("password authentication failed for user \"{user}\"");
    Err(Fatal::new("28P01", text))
}

/// The settings of a start-up message as a query, if there are some.
fn settings(parameters: &[(Bytes, Bytes)]) -> Result<Option<String>, Fatal> {
    let mut calls = Vec::new();
    for (name, value) in parameters {
        if NO_SETTINGS.contains(&&name[..]) || name.starts_with(b"_pq_.") {
            continue;
        }
        if matches!(&name[..], b"replication" | b"options") {
            let name = String::from_utf8_lossy(name);
            let text =
                format!("the start-up parameter \"{name}\" is not supported over Hyperdrive");
            return Err(Fatal::new("0A000", text));
        }
        let quoted = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).replace('\\', "\\\\").replace('\'', "''");
            format!("E'{text}'")
        };
        calls.push(format!("set_config({}, {}, false)", quoted(name), quoted(value)));
    }
    Ok((!calls.is_empty()).then(|| format!("SELECT {}", calls.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_quoted() {
        let pair = |name: &'static str, value: &'static str| {
            (Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes()))
        };
        let given = [pair("user", "u"), pair("application_name", "it's \\ x")];
        let sql = settings(&given).expect("valid").expect("some");
        assert_eq!(sql, "SELECT set_config(E'application_name', E'it''s \\\\ x', false)");
        assert_eq!(settings(&[pair("user", "u")]).expect("valid"), None);
        settings(&[pair("replication", "true")]).expect_err("not here");
    }
}
