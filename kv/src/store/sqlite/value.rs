//! Large values, piece by piece.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::{Bytes, BytesMut};
use futures::future::ready;

use super::pins::Pin;
use super::queue::Work;
use super::{PIECE_BYTES, PIECES_PER_VALUE, Shared, ValueId, query};
use crate::Error;
use crate::store::{Attributes, Later, ValueReader, ValueWriter};

/// Reads a value that is pinned.
pub(super) struct PieceReader {
    shared: Arc<Shared>,
    pin: Arc<Pin>,
    length: u64,
    /// How much of it was asked for.
    asked: u64,
    next: u32,
}

impl PieceReader {
    pub(super) fn new(shared: Arc<Shared>, pin: Pin, length: u64) -> Self {
        Self { shared, pin: Arc::new(pin), length, asked: 0, next: 0 }
    }
}

impl ValueReader for PieceReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn next(&mut self) -> Later<Option<Bytes>> {
        let expected = (self.length - self.asked).min(PIECE_BYTES as u64);
        if expected == 0 {
            return Box::pin(ready(Ok(None)));
        }
        let index = self.next;
        self.asked += expected;
        self.next += 1;
        let (shared, pin) = (self.shared.clone(), self.pin.clone());
        Box::pin(async move {
            let piece = Shared::blocking(shared, move |shared| {
                // The pin goes only after the read.
                shared.read(|connection| query::piece(connection, pin.id, index))
            })
            .await?;
            if piece.len() as u64 == expected {
                return Ok(Some(piece));
            }
            Err(Error::Data("a value has a piece of a wrong size; it is kept as it is".to_owned()))
        })
    }

    fn rewind(&mut self) {
        self.asked = 0;
        self.next = 0;
    }
}

/// Writes a value. The first piece, and each that is full, goes to the database
/// when it is there; the key changes with the last step.
pub(super) struct PieceWriter {
    shared: Arc<Shared>,
    key: String,
    attributes: Attributes,
    /// Held from the first piece on.
    pin: Option<Pin>,
    /// What does not fill a piece yet.
    rest: BytesMut,
    /// Pieces that were made of what came.
    made: u32,
    /// Pieces that are in the database.
    stored: Arc<AtomicU32>,
    length: u64,
}

impl PieceWriter {
    pub(super) fn new(shared: &Arc<Shared>, key: String, attributes: Attributes) -> Self {
        Self {
            shared: shared.clone(),
            key,
            attributes,
            pin: None,
            rest: BytesMut::new(),
            made: 0,
            stored: Arc::default(),
            length: 0,
        }
    }

    /// Takes full pieces from what came and what was left. Whole pieces of what
    /// came are not copied.
    fn split(&mut self, mut data: Bytes) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while self.rest.len() + data.len() >= PIECE_BYTES {
            let more = data.split_to(PIECE_BYTES - self.rest.len());
            if self.rest.is_empty() {
                pieces.push(more);
            } else {
                self.rest.extend_from_slice(&more);
                pieces.push(std::mem::take(&mut self.rest).freeze());
            }
        }
        if !data.is_empty() && self.rest.is_empty() && self.rest.capacity() < data.len() {
            self.rest.reserve(if self.made > 0 || !pieces.is_empty() {
                PIECE_BYTES
            } else {
                data.len()
            });
        }
        self.rest.extend_from_slice(&data);
        pieces
    }

    /// The number of the value.
    fn id(&mut self) -> ValueId {
        let shared = &self.shared;
        self.pin.get_or_insert_with(|| Pin::new_value(shared, shared.new_value_id())).id
    }

    /// Stores pieces, one after the other.
    fn store(&mut self, pieces: Vec<Bytes>) -> impl Future<Output = Result<(), Error>> + use<> {
        let first = self.made;
        self.made = first.saturating_add(u32::try_from(pieces.len()).unwrap_or(u32::MAX));
        let (shared, stored, id) = (self.shared.clone(), self.stored.clone(), self.id());
        async move {
            for (index, data) in (first..).zip(pieces) {
                if i64::from(index) >= PIECES_PER_VALUE {
                    return Err(Error::Full("the value has too many pieces".to_owned()));
                }
                Shared::submit(&shared, Work::Piece { id, index, data }).await?;
                stored.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }
    }
}

impl ValueWriter for PieceWriter {
    fn write(&mut self, piece: Bytes) -> Later<()> {
        self.length += piece.len() as u64;
        let pieces = self.split(piece);
        if pieces.is_empty() {
            return Box::pin(ready(Ok(())));
        }
        Box::pin(self.store(pieces))
    }

    fn commit(mut self: Box<Self>) -> Later<()> {
        let rest = std::mem::take(&mut self.rest).freeze();
        if self.made == 0 {
            let Self { shared, key, attributes, .. } = *self;
            return Shared::submit(&shared, Work::Put { key, value: rest, attributes });
        }
        Box::pin(async move {
            if !rest.is_empty() {
                self.store(vec![rest]).await?;
            }
            let id = self.id();
            let Self { shared, key, attributes, pin, made, stored, length, .. } = *self;
            if stored.load(Ordering::Relaxed) != made {
                return Err(Error::Internal("a piece of the value was not written".to_owned()));
            }
            let work = Work::Finish { key, id, pieces: made, length, attributes };
            let result = Shared::submit(&shared, work).await;
            // Until now nothing of it may be swept.
            drop(pin);
            result
        })
    }
}
