//! A connection in use: which answers are to come, and when it is at rest.

use std::collections::{HashSet, VecDeque};

use bytes::{Bytes, BytesMut};

use crate::pool::Lent;
use crate::wire::{self, Fatal, Message};

/// What takes the place of `LISTEN`, which would listen on a connection that is
/// somebody else's a moment later.
const NO_LISTEN: &str = "DO $$BEGIN RAISE EXCEPTION \
    'LISTEN is not supported over Hyperdrive: connections are shared' \
    USING ERRCODE = '0A000'; END$$";

/// An answer to come.
#[derive(Debug)]
pub(super) enum Expected {
    /// `ParseComplete`. `ours`: the client has not asked for it.
    Parse { name: Bytes, ours: bool },
    /// `ReadyForQuery`. `ours`: the client gets nothing up to it.
    Ready { ours: bool },
}

/// A connection that is lent.
pub(super) struct InUse {
    pub(super) lent: Lent,
    pub(super) expected: VecDeque<Expected>,
    /// Named statements that it was told.
    known: HashSet<Bytes>,
    /// Messages were sent that a `Sync` has yet to follow.
    is_open: bool,
    /// It takes the data of `COPY`.
    is_copying: bool,
    /// In which state of a transaction it said to be: `I` is none.
    status: u8,
}

impl InUse {
    pub(super) fn new(lent: Lent) -> Self {
        Self {
            lent,
            expected: VecDeque::new(),
            known: HashSet::new(),
            is_open: false,
            is_copying: false,
            status: b'I',
        }
    }

    pub(super) fn knows(&self, name: &[u8]) -> bool {
        self.known.contains(name)
    }

    /// A statement is sent to it.
    pub(super) fn prepares(&mut self, name: Bytes, ours: bool) {
        if !name.is_empty() {
            self.known.insert(name.clone());
        }
        self.expected.push_back(Expected::Parse { name, ours });
    }

    /// Whether no transaction is open, and nothing is to come.
    pub(super) fn is_at_rest(&self) -> bool {
        self.status == b'I' && !self.is_open && self.expected.is_empty()
    }

    /// A message of the client is about to be sent; what is sent in its place.
    pub(super) fn asked(&mut self, message: &Message) -> Result<Option<BytesMut>, Fatal> {
        let body = message.body();
        let ready = Expected::Ready { ours: false };
        match message.tag {
            b'Q' => {
                self.expected.push_back(ready);
                return Ok(listens(body).then(|| {
                    let mut instead = BytesMut::new();
                    wire::put_text(&mut instead, b'Q', NO_LISTEN);
                    instead
                }));
            }
            b'F' => self.expected.push_back(ready),
            // In the middle of COPY it counts for nothing.
            b'S' if self.is_copying => {}
            b'S' => {
                self.expected.push_back(ready);
                self.is_open = false;
            }
            b'P' => {
                let (name, rest) = wire::string(body).unwrap_or_default();
                self.prepares(Bytes::copy_from_slice(name), false);
                self.is_open = true;
                if listens(rest) {
                    let text = [name, b"\0", NO_LISTEN.as_bytes(), b"\0\0\0"].concat();
                    let mut instead = BytesMut::new();
                    wire::put(&mut instead, b'P', &text);
                    return Ok(Some(instead));
                }
            }
            b'C' => {
                if body.first() == Some(&b'S')
                    && let Some((name, _)) = wire::string(&body[1..])
                {
                    self.known.remove(name);
                }
                self.is_open = true;
            }
            b'B' | b'D' | b'E' | b'H' => self.is_open = true,
            b'd' | b'c' | b'f' => {}
            _ => return Err(Fatal::from("a message of the client is not understood")),
        }
        Ok(None)
    }

    /// A message of the origin came; whether the client gets it.
    pub(super) fn answered(&mut self, message: &Message) -> Result<bool, Fatal> {
        let is_ours = matches!(self.expected.front(), Some(Expected::Ready { ours: true }));
        match message.tag {
            b'Z' => {
                self.status = message.body().first().copied().unwrap_or(b'I');
                self.is_copying = false;
                while let Some(expected) = self.expected.pop_front() {
                    if matches!(expected, Expected::Ready { .. }) {
                        break;
                    }
                }
                Ok(!is_ours)
            }
            b'E' if is_ours => Err(Fatal::of(message.body())),
            b'E' => {
                self.skip();
                Ok(true)
            }
            b'1' if matches!(self.expected.front(), Some(Expected::Parse { .. })) => {
                match self.expected.pop_front() {
                    Some(Expected::Parse { ours, .. }) => Ok(!ours),
                    _ => Ok(true),
                }
            }
            b'G' | b'W' => {
                self.is_copying = true;
                Ok(true)
            }
            // What concerns the session is told whenever it comes.
            b'S' | b'N' | b'A' => Ok(true),
            _ => Ok(!is_ours),
        }
    }

    /// After an error the origin skips all messages up to the next `Sync`: what was
    /// to be prepared by them is not.
    fn skip(&mut self) {
        while let Some(Expected::Parse { .. }) = self.expected.front() {
            if let Some(Expected::Parse { name, .. }) = self.expected.pop_front() {
                self.known.remove(&name);
            }
        }
    }
}

/// Whether a query begins with `LISTEN`.
fn listens(sql: &[u8]) -> bool {
    const WORD: &[u8] = b"LISTEN";
    let sql = sql.trim_ascii_start();
    sql.get(..WORD.len()).is_some_and(|word| word.eq_ignore_ascii_case(WORD))
        && sql.get(WORD.len()).is_some_and(u8::is_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_is_told_from_other_words() {
        for sql in [&b"LISTEN x\0"[..], b" \n listen x"] {
            assert!(listens(sql));
        }
        for sql in [&b"SELECT 'LISTEN x'"[..], b"LISTENER", b"LISTEN", b""] {
            assert!(!listens(sql));
        }
    }
}
