//! A point, and what it may hold
//! (<https://developers.cloudflare.com/analytics/analytics-engine/limits/>).

/// Blobs of a point, and doubles of it.
pub const MAX_MEMBERS: usize = 20;
/// An index: 96 bytes.
pub const MAX_INDEX_BYTES: usize = 96;
/// All blobs of a point: 16 KiB.
pub const MAX_BLOB_BYTES: usize = 16 * 1024;

/// One point.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Point {
    pub dataset: String,
    /// Unix ms.
    pub timestamp: i64,
    pub index: Option<String>,
    pub blobs: Vec<Option<String>>,
    pub doubles: Vec<f64>,
}

/// What of a point is against the rules, in Cloudflare's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("writeDataPoint(): Maximum of {0} {1} supported.")]
    TooMany(usize, &'static str),
    #[error("writeDataPoint(): Size of indexes[0] exceeds {MAX_INDEX_BYTES} bytes).")]
    Index,
    #[error("writeDataPoint(): Cumulative size of blobs exceeds {MAX_BLOB_BYTES} bytes).")]
    Blobs,
}

impl Point {
    /// Checks it; `indexes` is how many it was given.
    ///
    /// # Errors
    /// What is against the rules.
    pub fn check(&self, indexes: usize) -> Result<(), Refusal> {
        if indexes > 1 {
            return Err(Refusal::TooMany(1, "indexes"));
        }
        if self.index.as_ref().is_some_and(|index| index.len() > MAX_INDEX_BYTES) {
            return Err(Refusal::Index);
        }
        if self.doubles.len() > MAX_MEMBERS {
            return Err(Refusal::TooMany(MAX_MEMBERS, "doubles"));
        }
        if self.blobs.len() > MAX_MEMBERS {
            return Err(Refusal::TooMany(MAX_MEMBERS, "blobs"));
        }
        let bytes: usize = self.blobs.iter().flatten().map(String::len).sum();
        if bytes > MAX_BLOB_BYTES { Err(Refusal::Blobs) } else { Ok(()) }
    }
}
