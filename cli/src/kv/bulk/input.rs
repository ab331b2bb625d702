//! JSON that is read as it comes: an array, or one value after the other.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor};

/// How much is read at a time: 1 MiB.
const BUFFER_BYTES: usize = 1024 * 1024;

/// A file, or standard input.
pub(super) struct Input {
    path: PathBuf,
}

impl Input {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(super) fn is_stdin(&self) -> bool {
        self.path == Path::new("-")
    }

    fn cannot_read(&self) -> String {
        format!("cannot read {}", self.path.display())
    }

    /// The size of the file; none of what is no plain file.
    pub(super) fn bytes(&self) -> anyhow::Result<Option<u64>> {
        let metadata = std::fs::metadata(&self.path).with_context(|| self.cannot_read())?;
        Ok(metadata.is_file().then_some(metadata.len()))
    }

    /// Opens it; the bar counts the bytes that are read.
    pub(super) fn open(&self, bar: &ProgressBar) -> anyhow::Result<impl BufRead + use<>> {
        let read: Box<dyn Read> = if self.is_stdin() {
            Box::new(std::io::stdin().lock())
        } else {
            Box::new(File::open(&self.path).with_context(|| self.cannot_read())?)
        };
        Ok(BufReader::with_capacity(BUFFER_BYTES, bar.wrap_read(read)))
    }
}

/// Calls `each` with every value.
///
/// # Errors
/// With the number of the value, from 1, and the place in the text.
pub(super) fn for_each<T: DeserializeOwned>(
    mut input: impl BufRead,
    each: impl FnMut(T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let first = first_byte(&mut input)?;
    let mut values = Values { each, number: 0, failure: None, kind: PhantomData };
    let mut json = serde_json::Deserializer::from_reader(input);
    let result = if first == Some(b'[') {
        (&mut values).deserialize(&mut json).and_then(|()| json.end())
    } else {
        json.into_iter::<T>().try_for_each(|value| values.take(value?))
    };
    match (values.failure, result) {
        (Some(failure), _) => Err(failure.context(format!("entry {}", values.number))),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(anyhow!("entry {}: {error}", values.number + 1)),
    }
}

/// The first byte that counts, which stays in the input.
fn first_byte(input: &mut impl BufRead) -> anyhow::Result<Option<u8>> {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    loop {
        let buffer = input.fill_buf()?;
        if buffer.starts_with(BYTE_ORDER_MARK) {
            input.consume(BYTE_ORDER_MARK.len());
            continue;
        }
        let Some(&first) = buffer.first() else { return Ok(None) };
        if !first.is_ascii_whitespace() {
            return Ok(Some(first));
        }
        input.consume(1);
    }
}

struct Values<T, F> {
    each: F,
    /// How many there were.
    number: u64,
    /// What `each` said.
    failure: Option<anyhow::Error>,
    kind: PhantomData<T>,
}

impl<T, F: FnMut(T) -> anyhow::Result<()>> Values<T, F> {
    fn take<E: serde::de::Error>(&mut self, value: T) -> Result<(), E> {
        self.number += 1;
        (self.each)(value).map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> anyhow::Result<()>> DeserializeSeed<'de>
    for &mut Values<T, F>
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> anyhow::Result<()>> Visitor<'de>
    for &mut Values<T, F>
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(value) = array.next_element()? {
            self.take(value)?;
        }
        Ok(())
    }
}
