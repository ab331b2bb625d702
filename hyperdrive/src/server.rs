//! A connection to the origin: how it is opened, and how it is reset.

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::FutureExt as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::origin::{Origin, SslMode};
use crate::pool::{Dialer, Io, Verify};
use crate::wire::{self, Fatal, Message};

/// What the origin is told of us.
const NAME: &str = "selvedge";

/// What the origin calls a connection, to end its query.
#[derive(Debug, Clone)]
pub(crate) struct BackendKey(pub(crate) Bytes);

/// A connection that is authenticated.
pub(crate) struct Server {
    pub(crate) io: Io,
    pub(crate) buffer: BytesMut,
    /// What it said of itself: its version, time zone, ..
    pub(crate) parameters: BTreeMap<Bytes, Bytes>,
    pub(crate) key: BackendKey,
}

fn lost(error: &std::io::Error) -> Fatal {
    Fatal::new("08006", format!("the connection to the origin was lost: {error}"))
}

fn closed() -> Fatal {
    Fatal::new("08006", "the origin closed the connection")
}

impl Server {
    /// Opens a connection.
    pub(crate) async fn open(dialer: &dyn Dialer, origin: &Origin) -> Result<Self, Fatal> {
        let io = encrypted(dialer, origin).await?;
        let (buffer, parameters) = (BytesMut::new(), BTreeMap::new());
        let mut server = Self { io, buffer, parameters, key: BackendKey(Bytes::new()) };
        let mut out = BytesMut::new();
        wire::put_startup(
            &mut out,
            &[
                ("user", &origin.user),
                ("database", &origin.database),
                ("client_encoding", "UTF8"),
                ("application_name", NAME),
            ],
        );
        server.send(&out).await?;
        server.authenticate(origin).await?;
        server.settle().await?;
        Ok(server)
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Fatal> {
        self.io.write_all(bytes).await.map_err(|error| lost(&error))?;
        self.io.flush().await.map_err(|error| lost(&error))
    }

    /// The next message.
    async fn next(&mut self) -> Result<Message, Fatal> {
        loop {
            if let Some(message) = wire::take(&mut self.buffer)? {
                return Ok(message);
            }
            let read = self.io.read_buf(&mut self.buffer).await.map_err(|error| lost(&error))?;
            if read == 0 {
                return Err(closed());
            }
        }
    }

    async fn authenticate(&mut self, origin: &Origin) -> Result<(), Fatal> {
        let mut scram = None;
        loop {
            let message = self.next().await?;
            match message.tag {
                b'E' => return Err(Fatal::of(message.body())),
                b'R' => {}
                // Notices.
                _ => continue,
            }
            let mut body = message.body();
            if body.len() < 4 {
                return Err(Fatal::from("the origin's authentication is not understood"));
            }
            let mut out = BytesMut::new();
            match body.get_i32() {
                0 => return Ok(()),
                3 => wire::put_text(&mut out, b'p', &origin.password),
                5 if body.len() >= 4 => {
                    let salt = [body[0], body[1], body[2], body[3]];
                    let (user, password) = (origin.user.as_bytes(), origin.password.as_bytes());
                    wire::put_text(&mut out, b'p', &md5_hash(user, password, salt));
                }
                10 => {
                    if !wire::strings(body).any(|name| name == SCRAM_SHA_256.as_bytes()) {
                        return Err(unsupported("SASL without SCRAM-SHA-256"));
                    }
                    let password = origin.password.as_bytes();
                    let new = ScramSha256::new(password, ChannelBinding::unsupported());
                    let mut first = BytesMut::from(SCRAM_SHA_256.as_bytes());
                    first.put_u8(0);
                    first.put_i32(i32::try_from(new.message().len()).unwrap_or(i32::MAX));
                    first.put_slice(new.message());
                    wire::put(&mut out, b'p', &first);
                    scram = Some(new);
                }
                11 => {
                    let scram = scram.as_mut().ok_or_else(|| unsupported("SASL out of turn"))?;
                    scram.update(body).map_err(|error| scram_failed(&error))?;
                    wire::put(&mut out, b'p', scram.message());
                }
                12 => {
                    let scram = scram.as_mut().ok_or_else(|| unsupported("SASL out of turn"))?;
                    scram.finish(body).map_err(|error| scram_failed(&error))?;
                }
                _ => return Err(unsupported("what the origin asks for")),
            }
            if !out.is_empty() {
                self.send(&out).await?;
            }
        }
    }

    /// Reads until the origin is ready for a query.
    async fn settle(&mut self) -> Result<(), Fatal> {
        loop {
            let message = self.next().await?;
            match message.tag {
                b'E' => return Err(Fatal::of(message.body())),
                b'S' => self.note(&message),
                b'K' => self.key = BackendKey(message.all.slice(5..)),
                b'Z' if message.body() == b"I" => return Ok(()),
                b'Z' => return Err(Fatal::from("the origin is in a transaction")),
                _ => {}
            }
        }
    }

    /// What the origin says of itself.
    fn note(&mut self, message: &Message) {
        if let Some((name, rest)) = wire::string(message.body())
            && let Some((value, _)) = wire::string(rest)
        {
            let (name, value) = (message.all.slice_ref(name), message.all.slice_ref(value));
            self.parameters.insert(name, value);
        }
    }

    /// Runs a statement; its rows are not read.
    pub(crate) async fn run(&mut self, sql: &str) -> Result<(), Fatal> {
        let mut out = BytesMut::new();
        wire::put_text(&mut out, b'Q', sql);
        self.send(&out).await?;
        self.settle().await
    }

    /// Forgets all that the session before left: settings, prepared statements,
    /// temporary tables, locks.
    pub(crate) async fn reset(&mut self) -> Result<(), Fatal> {
        self.run("DISCARD ALL").await
    }

    /// Whether nothing came in while it was not used: then the origin has not
    /// closed it, nor is about to.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0_u8; 1];
        self.buffer.is_empty() && self.io.read(&mut byte).now_or_never().is_none()
    }
}

fn unsupported(what: &str) -> Fatal {
    Fatal::new("28000", format!("the origin's authentication is not supported: {what}"))
}

fn scram_failed(error: &std::io::Error) -> Fatal {
    Fatal::new("28P01", format!("the origin's authentication failed: {error}"))
}

/// The bytes of a connection, with TLS where that is wanted.
async fn encrypted(dialer: &dyn Dialer, origin: &Origin) -> Result<Io, Fatal> {
    let unreachable = |reason: String| {
        tracing::warn!(?origin, reason, "the origin of Hyperdrive is not reached");
        Fatal::new("08001", "the origin of Hyperdrive is not reached")
    };
    let mut io = dialer.dial(&origin.host, origin.port).await.map_err(unreachable)?;
    let verify = match origin.ssl {
        SslMode::Disable => return Ok(io),
        SslMode::Prefer | SslMode::Require => Verify::Nothing,
        SslMode::VerifyCa => Verify::Authority,
        SslMode::VerifyFull => Verify::Host,
    };
    let mut asked = BytesMut::new();
    asked.put_i32(8);
    asked.put_i32(wire::SSL);
    io.write_all(&asked).await.map_err(|error| lost(&error))?;
    io.flush().await.map_err(|error| lost(&error))?;
    match io.read_u8().await.map_err(|error| lost(&error))? {
        b'S' => dialer.encrypt(io, &origin.host, verify).await.map_err(unreachable),
        b'N' if origin.ssl == SslMode::Prefer => Ok(io),
        b'N' => Err(Fatal::new("08001", "the origin of Hyperdrive has no TLS")),
        _ => Err(Fatal::new("08001", "the origin of Hyperdrive does not speak PostgreSQL")),
    }
}

/// Has the origin end the query of another connection.
pub(crate) async fn cancel(
    dialer: &dyn Dialer,
    origin: &Origin,
    key: &BackendKey,
) -> Result<(), Fatal> {
    let mut io = encrypted(dialer, origin).await?;
    let mut out = BytesMut::new();
    out.put_i32(i32::try_from(key.0.len() + 8).unwrap_or(i32::MAX));
    out.put_i32(wire::CANCEL);
    out.put_slice(&key.0);
    io.write_all(&out).await.map_err(|error| lost(&error))?;
    io.flush().await.map_err(|error| lost(&error))?;
    // It is done when the origin closes the connection.
    let _ = io.read_u8().await;
    Ok(())
}
