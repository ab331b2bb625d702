//! Keys and values of an object, in the table `_cf_KV`. Values are bytes; keys
//! are in the order of their bytes in UTF-8.

use super::object::ObjectStorage;
use crate::error::Error;

/// A key with its value.
pub type Entry = (String, Vec<u8>);

/// What `list` is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Only keys from this one on.
    pub start: Option<String>,
    /// Only keys after this one.
    pub start_after: Option<String>,
    /// Only keys before this one.
    pub end: Option<String>,
    /// Only keys that begin with this.
    pub prefix: Option<String>,
    /// From the last key to the first.
    pub reverse: bool,
    /// At most this many.
    pub limit: Option<usize>,
}

impl ObjectStorage {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.get_with(key, <[u8]>::to_vec)
    }

    /// Shows the value of a key to `read`, without copying it.
    pub fn get_with<T>(
        &self,
        key: &str,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, Error> {
        let _ = (key, read);
        unimplemented!()
    }

    /// The values of several keys, in their order.
    pub fn get_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        keys.iter().map(|key| self.get(key.as_ref())).collect()
    }

    /// Sets the value of a key.
    pub fn put(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        let _ = (key, value);
        unimplemented!()
    }

    /// Sets several values: all of them, or none if one is refused.
    pub fn put_many<K: AsRef<str>, V: AsRef<[u8]>>(&self, entries: &[(K, V)]) -> Result<(), Error> {
        let _ = entries;
        unimplemented!()
    }

    /// Deletes a key. Tells whether it was there.
    pub fn delete(&self, key: &str) -> Result<bool, Error> {
        let _ = key;
        unimplemented!()
    }

    /// Deletes several keys. Tells how many were there.
    pub fn delete_many<K: AsRef<str>>(&self, keys: &[K]) -> Result<usize, Error> {
        let _ = keys;
        unimplemented!()
    }

    /// The keys of a range with their values.
    pub fn list(&self, options: &ListOptions) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        self.list_with(options, |key, value| entries.push((key.to_owned(), value.to_vec())))?;
        Ok(entries)
    }

    /// Shows the keys of a range with their values to `each`, without copying
    /// them. `each` must not use this object's storage.
    pub fn list_with(
        &self,
        options: &ListOptions,
        each: impl FnMut(&str, &[u8]),
    ) -> Result<(), Error> {
        let _ = (options, each);
        unimplemented!()
    }
}
