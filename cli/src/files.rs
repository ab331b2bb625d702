//! How many files this process may have open: each connection is one, and each
//! Durable Object in use has three.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Asks for as many as the system allows us without asking anybody. It is
/// 1024 by default on most Linux systems, for programs that use `select()`.
pub(crate) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
