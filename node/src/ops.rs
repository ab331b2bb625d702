//! What Node's library cannot do in JavaScript.

pub(crate) mod buffer;
pub(crate) mod bundle;
pub(crate) mod cipher;
pub(crate) mod derive;
pub(crate) mod hash;
pub(crate) mod keys;
pub(crate) mod zlib;
