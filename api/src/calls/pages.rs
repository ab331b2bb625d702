//! Pages that are no calls.

use http::{Method, Response};

use crate::reply::Body;

/// The page at a path, if there is one.
pub(crate) fn file(method: &Method, path: &str) -> Option<Response<Body>> {
    let _ = (method, path);
    None
}
