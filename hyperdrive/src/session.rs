//! One client of a Worker: what it says is handed on to a connection that is lent
//! to it from the first message of a transaction to the end of that.

mod begin;
mod lent;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use self::lent::{Expected, InUse};
use crate::pool::{ClientKey, Current, Pool, Pools};
use crate::wire::{self, Fatal, Message};

/// So much waits to be written before no more is read.
const BUFFERED: usize = 256 * 1024;
/// Named statements that a client may have prepared, and their bytes.
const MAX_STATEMENTS: usize = 1000;
const MAX_STATEMENT_BYTES: usize = 4 * 1024 * 1024;

/// Who may come in.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// A client that was let in.
struct Session {
    pool: Arc<Pool>,
    /// Named statements, as the client prepared them: each connection that it is
    /// lent learns those that it uses.
    statements: HashMap<Bytes, Bytes>,
    statement_bytes: usize,
    /// What the client wants to be set, as a query.
    settings: Option<String>,
    in_use: Option<InUse>,
    current: Arc<Current>,
    to_client: BytesMut,
    to_server: BytesMut,
}

/// Serves a client to its end.
pub(crate) async fn serve(
    pools: Arc<Pools>,
    id: String,
    origin: Result<crate::Origin, String>,
    credentials: Credentials,
    mut client: DuplexStream,
) {
    let begun = begin::begin(&pools, &id, origin, &credentials, &mut client).await;
    let (mut session, buffer, key) = match begun {
        Ok(Some(begun)) => begun,
        Ok(None) => return,
        Err(fatal) => return tell(&mut client, &fatal).await,
    };
    pools.figures().sessions.fetch_add(1, Ordering::Relaxed);
    let ended = session.run(&mut client, buffer).await;
    session.set_current(None);
    pools.leave(&key);
    let Session { pool, in_use, .. } = session;
    match ended {
        Err(fatal) => tell(&mut client, &fatal).await,
        Ok(()) => {
            if let Some(in_use) = in_use.filter(InUse::is_at_rest) {
                pool.give_back(in_use.lent).await;
            }
        }
    }
}

async fn tell(client: &mut DuplexStream, fatal: &Fatal) {
    tracing::debug!(%fatal, "a client of Hyperdrive was refused");
    let mut out = BytesMut::new();
    fatal.put(&mut out);
    // It may be gone.
    let _ = client.write_all(&out).await;
    let _ = client.shutdown().await;
}

impl Session {
    fn new(pool: Arc<Pool>, settings: Option<String>, current: Arc<Current>) -> Self {
        Self {
            pool,
            statements: HashMap::new(),
            statement_bytes: 0,
            settings,
            in_use: None,
            current,
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
        }
    }

    /// Hands messages on until the client has enough.
    async fn run(&mut self, client: &mut DuplexStream, mut buffer: BytesMut) -> Result<(), Fatal> {
        let (mut client_in, mut client_out) = tokio::io::split(client);
        loop {
            while self.to_server.len() < BUFFERED {
                let Some(message) = wire::take(&mut buffer)? else { break };
                if message.tag == b'X' {
                    return Ok(());
                }
                self.take_from_client(&message).await?;
            }
            while self.to_client.len() < BUFFERED && self.take_from_server()? {}
            self.give_back_if_done();
            let Self { in_use, to_client, to_server, .. } = self;
            let (may_ask, may_tell) = (to_server.len() < BUFFERED, to_client.len() < BUFFERED);
            let (asks, tells) = (!to_server.is_empty(), !to_client.is_empty());
            let step = match in_use {
                Some(InUse { lent, .. }) => {
                    let (mut server_in, mut server_out) = tokio::io::split(&mut lent.server.io);
                    tokio::select! {
                        read = client_in.read_buf(&mut buffer), if may_ask => Step::client(read),
                        read = server_in.read_buf(&mut lent.server.buffer), if may_tell => Step::server(read),
                        sent = server_out.write_buf(to_server), if asks => Step::server(sent),
                        sent = client_out.write_buf(to_client), if tells => Step::client(sent),
                    }
                }
                None => tokio::select! {
                    read = client_in.read_buf(&mut buffer) => Step::client(read),
                    sent = client_out.write_buf(to_client), if tells => Step::client(sent),
                },
            };
            match step {
                Step::Moved => {}
                Step::ClientGone => return Ok(()),
                Step::ServerGone => return self.server_gone(&mut client_out).await,
            }
        }
    }

    /// What the origin said last reaches the client before it is told the end.
    async fn server_gone(
        &mut self,
        client: &mut (impl tokio::io::AsyncWrite + Unpin),
    ) -> Result<(), Fatal> {
        while self.take_from_server()? {}
        let _ = client.write_all_buf(&mut self.to_client).await;
        Err(Fatal::new("08006", "the origin closed the connection"))
    }

    /// Handles one message of the client.
    async fn take_from_client(&mut self, message: &Message) -> Result<(), Fatal> {
        if self.in_use.is_none() {
            let lent = self.pool.lend().await?;
            self.set_current(Some(&lent.server.key));
            let mut in_use = InUse::new(lent);
            if let Some(settings) = &self.settings {
                wire::put_text(&mut self.to_server, b'Q', settings);
                in_use.expected.push_back(Expected::Ready { ours: true });
            }
            self.in_use = Some(in_use);
        }
        let named = self.remember(message)?;
        let Some(in_use) = &mut self.in_use else { return Ok(()) };
        if let Some(name) = named
            && !in_use.knows(&name)
            && let Some(parse) = self.statements.get(&name)
        {
            self.to_server.extend_from_slice(parse);
            in_use.prepares(name, true);
        }
        match in_use.asked(message)? {
            Some(instead) => self.to_server.extend_from_slice(&instead),
            None => self.to_server.extend_from_slice(&message.all),
        }
        Ok(())
    }

    /// Keeps what the client prepares. Gives the named statement that a message
    /// uses.
    fn remember(&mut self, message: &Message) -> Result<Option<Bytes>, Fatal> {
        let body = message.body();
        let named = |text: &[u8]| (!text.is_empty()).then(|| Bytes::copy_from_slice(text));
        match message.tag {
            b'P' => {
                let (name, _) = wire::string(body).ok_or(Fatal::from("a Parse without a name"))?;
                if let Some(name) = named(name) {
                    self.forget(&name);
                    self.statement_bytes += message.all.len();
                    self.statements.insert(name, message.all.clone());
                }
                if self.statements.len() > MAX_STATEMENTS
                    || self.statement_bytes > MAX_STATEMENT_BYTES
                {
                    return Err(Fatal::new("53400", "too many prepared statements"));
                }
                Ok(None)
            }
            b'B' => {
                let (_, rest) = wire::string(body).ok_or(Fatal::from("a Bind without a portal"))?;
                let (name, _) =
                    wire::string(rest).ok_or(Fatal::from("a Bind without a statement"))?;
                Ok(named(name))
            }
            b'D' if body.first() == Some(&b'S') => {
                Ok(wire::string(&body[1..]).and_then(|(name, _)| named(name)))
            }
            b'C' if body.first() == Some(&b'S') => {
                if let Some((name, _)) = wire::string(&body[1..]) {
                    self.forget(name);
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn forget(&mut self, name: &[u8]) {
        if let Some(old) = self.statements.remove(name) {
            self.statement_bytes -= old.len();
        }
    }

    /// Handles one message of the origin; whether there was one.
    fn take_from_server(&mut self) -> Result<bool, Fatal> {
        let Some(in_use) = &mut self.in_use else { return Ok(false) };
        let Some(message) = wire::take(&mut in_use.lent.server.buffer)? else { return Ok(false) };
        if in_use.answered(&message)? {
            self.to_client.extend_from_slice(&message.all);
        }
        Ok(true)
    }

    /// Gives the connection back when the transaction is over. The client goes on
    /// meanwhile.
    fn give_back_if_done(&mut self) {
        let is_done = self.in_use.as_ref().is_some_and(InUse::is_at_rest);
        if !is_done || !self.to_server.is_empty() {
            return;
        }
        if let Some(in_use) = self.in_use.take() {
            self.set_current(None);
            let pool = self.pool.clone();
            tokio::spawn(async move { pool.give_back(in_use.lent).await });
        }
    }

    fn set_current(&self, key: Option<&crate::server::BackendKey>) {
        let current = key.map(|key| (self.pool.origin.clone(), key.clone()));
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = current;
    }
}

/// What a step of a session was.
enum Step {
    Moved,
    ClientGone,
    ServerGone,
}

impl Step {
    fn client(moved: std::io::Result<usize>) -> Self {
        match moved {
            Ok(count) if count > 0 => Self::Moved,
            _ => Self::ClientGone,
        }
    }

    fn server(moved: std::io::Result<usize>) -> Self {
        match moved {
            Ok(count) if count > 0 => Self::Moved,
            _ => Self::ServerGone,
        }
    }
}

/// What a client is known by.
fn new_key() -> Result<ClientKey, Fatal> {
    let mut key = ClientKey::default();
    getrandom::fill(&mut key).map_err(|_| Fatal::new("XX000", "no random numbers"))?;
    Ok(key)
}
