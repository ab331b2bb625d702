//! Buckets in a data folder.
//!
//! What is known of objects is in a file of SQLite, one for each bucket, written
//! by a thread of its own for all callers together ([`writer`]). Bodies are files
//! beside it ([`files`]), each written once: synced before the transaction that
//! leads to it, and deleted after the one that leads away from it. So an object
//! is there whole or not at all, whatever ends the process.

mod bucket;
mod catalog;
mod connection;
mod files;
mod list;
mod md5;
mod query;
mod reader;
mod sweep;
mod uploads;
mod writer;
mod writing;

#[cfg(test)]
mod tests;

pub use bucket::{Bucket, BucketFigures, Found, Got, MadePart, Put};
pub use catalog::{BucketInfo, Catalog, CatalogError, Clock};
pub use list::{ListQuery, ListedUpload, Page, PartEntry, UploadPage};
pub use reader::{Body, BodyReader};
pub use writing::{BodyWriter, Expected};
