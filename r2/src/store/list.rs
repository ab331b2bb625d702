//! Lists: of objects, of uploads, of parts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rusqlite::{Connection, params};

use super::bucket::Bucket;
use super::query::{self, COLUMNS};
use crate::Error;
use crate::object::{Object, StorageClass, UnixMillis};
use crate::rules::{MAX_LIST, Refusal};

/// Which objects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys that have this behind the prefix become one entry, that ends with it.
    pub delimiter: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// At most so many entries.
    pub limit: usize,
}

/// A page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys' bytes.
    pub objects: Vec<Object>,
    pub prefixes: Vec<String>,
    /// Where the next page begins; `None`: this is the last one.
    pub cursor: Option<String>,
}

/// An upload that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    pub id: String,
    pub key: String,
    pub created: UnixMillis,
    pub storage_class: Option<StorageClass>,
}

/// A page of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadPage {
    pub uploads: Vec<ListedUpload>,
    pub complete: bool,
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartEntry {
    pub number: u32,
    pub size: u64,
    pub etag: String,
    pub uploaded: UnixMillis,
}

/// Where a page ends: with a key, or with all keys of a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    Key(Vec<u8>),
    Prefix(Vec<u8>),
}

impl Mark {
    /// The cursor says which bucket it is of.
    fn encode(&self, bucket: &str) -> String {
        let (kind, bytes) = match self {
            Self::Key(key) => (b'k', key),
            Self::Prefix(prefix) => (b'p', prefix),
        };
        let mut all = tag(bucket).to_vec();
        all.push(kind);
        all.extend_from_slice(bytes);
        URL_SAFE_NO_PAD.encode(all)
    }

    fn decode(cursor: &str, bucket: &str) -> Option<Self> {
        let all = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let rest = all.strip_prefix(&tag(bucket))?;
        let (kind, bytes) = rest.split_first()?;
        match kind {
            b'k' => Some(Self::Key(bytes.to_vec())),
            b'p' => Some(Self::Prefix(bytes.to_vec())),
            _ => None,
        }
    }
}

fn tag(bucket: &str) -> [u8; 6] {
    let mut tag = [0; 6];
    let id = bucket.as_bytes();
    let length = id.len().min(tag.len());
    tag[..length].copy_from_slice(&id[..length]);
    tag
}

/// The first text after all that begin with this one; `None`: there is none.
fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = prefix.to_vec();
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return Some(bytes);
        }
    }
    None
}

impl Bucket {
    /// Objects in the order of their keys' bytes. Going on from page to page meets
    /// every key that was there all the time exactly once.
    ///
    /// # Errors
    /// When the limit is none, or the cursor is not one of this bucket.
    pub async fn list(&self, query: ListQuery) -> Result<Page, Error> {
        if query.limit == 0 || query.limit > MAX_LIST {
            return Err(Refusal::bad_limit().into());
        }
        let id = self.shared.id().to_owned();
        let after = match query.cursor.as_deref() {
            None | Some("") => None,
            Some(cursor) => Some(
                Mark::decode(cursor, &id)
                    .ok_or_else(|| Refusal::argument("The specified cursor is not valid."))?,
            ),
        };
        let walk = move |connection: &Connection| Walk::new(&query, after).run(connection);
        let (objects, prefixes, end) = self.shared.clone().blocking(walk).await?;
        Ok(Page { objects, prefixes, cursor: end.map(|mark| mark.encode(&id)) })
    }

    /// Uploads that are under way, by key and id, after this pair.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn uploads(
        &self,
        prefix: String,
        after: (String, String),
        limit: usize,
    ) -> Result<UploadPage, Error> {
        let read = move |connection: &Connection| uploads(connection, &prefix, &after, limit);
        self.shared.clone().blocking(read).await
    }
}

/// One way through the keys.
struct Walk<'a> {
    query: &'a ListQuery,
    /// The first key that may be on the page, and whether it is.
    from: Vec<u8>,
    with_from: bool,
    /// The first key that is not.
    until: Option<Vec<u8>>,
    objects: Vec<Object>,
    prefixes: Vec<String>,
    last: Option<Mark>,
}

type Walked = (Vec<Object>, Vec<String>, Option<Mark>);

impl<'a> Walk<'a> {
    fn new(query: &'a ListQuery, after: Option<Mark>) -> Self {
        let prefix = query.prefix.as_bytes();
        let mut walk = Self {
            query,
            from: prefix.to_vec(),
            with_from: true,
            until: after_all(prefix),
            objects: Vec::new(),
            prefixes: Vec::new(),
            last: None,
        };
        if let Some(key) = &query.start_after {
            walk.skip_to(key.as_bytes().to_vec(), false);
        }
        match after {
            Some(Mark::Key(key)) => walk.skip_to(key, false),
            Some(Mark::Prefix(prefix)) => walk.skip_prefix(&prefix),
            None => {}
        }
        walk
    }

    fn skip_to(&mut self, key: Vec<u8>, with_key: bool) {
        if key > self.from || (key == self.from && !with_key) {
            self.from = key;
            self.with_from = with_key;
        }
    }

    fn skip_prefix(&mut self, prefix: &[u8]) {
        match after_all(prefix) {
            Some(next) => self.skip_to(next, true),
            // Nothing comes after it.
            None => self.until = Some(Vec::new()),
        }
    }

    fn count(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }

    fn run(mut self, connection: &Connection) -> rusqlite::Result<Walked> {
        while self.stretch(connection)? {}
        let is_more = self.count() == self.query.limit && self.is_more(connection)?;
        let end = if is_more { self.last } else { None };
        Ok((self.objects, self.prefixes, end))
    }

    fn sql(&self, columns: &str) -> String {
        let from = if self.with_from { ">=" } else { ">" };
        let until = if self.until.is_some() { "AND key < ?2" } else { "AND ?2 IS NULL" };
        format!("{columns} WHERE key {from} ?1 {until} ORDER BY key LIMIT ?3")
    }

    /// Reads up to the end, or to keys that become one entry. Whether to go on.
    fn stretch(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(&self.sql(COLUMNS))?;
        let left = self.query.limit - self.count();
        let mut rows = statement.query(params![self.from, self.until, left as i64])?;
        while let Some(row) = rows.next()? {
            let key: Vec<u8> = row.get(0)?;
            if let Some(prefix) = self.group(&key) {
                self.prefixes.push(String::from_utf8_lossy(&prefix).into_owned());
                self.skip_prefix(&prefix);
                self.last = Some(Mark::Prefix(prefix));
                return Ok(self.count() < self.query.limit);
            }
            self.objects.push(query::object(row)?);
            self.skip_to(key.clone(), false);
            self.last = Some(Mark::Key(key));
        }
        Ok(false)
    }

    /// The entry that the key is part of.
    fn group(&self, key: &[u8]) -> Option<Vec<u8>> {
        let delimiter = self.query.delimiter.as_deref().filter(|it| !it.is_empty())?.as_bytes();
        let begin = self.query.prefix.len();
        let rest = key.get(begin..)?;
        let at = rest.windows(delimiter.len()).position(|part| part == delimiter)?;
        Some(key[..begin + at + delimiter.len()].to_vec())
    }

    fn is_more(&self, connection: &Connection) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(&self.sql("SELECT 1 FROM objects"))?;
        statement.exists(params![self.from, self.until, 1])
    }
}

fn uploads(
    connection: &Connection,
    prefix: &str,
    after: &(String, String),
    limit: usize,
) -> rusqlite::Result<UploadPage> {
    let until = after_all(prefix.as_bytes());
    let mut uploads = connection
        .prepare_cached(
            "SELECT id, key, created, storage_class FROM uploads WHERE finished = 0 \
             AND key >= ?1 AND (?2 IS NULL OR key < ?2) AND (key, id) > (?3, ?4) \
             ORDER BY key, id LIMIT ?5",
        )?
        .query_map(
            params![prefix.as_bytes(), until, after.0.as_bytes(), after.1, limit as i64 + 1],
            |row| {
                Ok(ListedUpload {
                    id: row.get(0)?,
                    key: query::text(row, 1)?,
                    created: row.get(2)?,
                    storage_class: query::class(row.get(3)?),
                })
            },
        )?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let complete = uploads.len() <= limit;
    uploads.truncate(limit);
    Ok(UploadPage { uploads, complete })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_bucket() {
        let mark = Mark::Key(b"a\0b".to_vec());
        let cursor = mark.encode("0123456789");
        assert_eq!(Mark::decode(&cursor, "0123456789"), Some(mark));
        assert_eq!(Mark::decode(&cursor, "9876543210"), None);
        for cursor in ["", "!", "AAAA", "zzzzzzzzzzzz"] {
            assert_eq!(Mark::decode(cursor, "0123456789"), None, "{cursor}");
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_found() {
        assert_eq!(after_all(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_all(b"a\xff"), Some(b"b".to_vec()));
        assert_eq!(after_all(b"\xff"), None);
        assert_eq!(after_all(b""), None);
    }
}
