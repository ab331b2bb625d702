//! The ops of the binding. They are thin: the rules stand beside them.

pub(crate) mod alarm;
pub(crate) mod context;
pub(crate) mod facet;
pub(crate) mod namespace;
pub(crate) mod placement;
pub(crate) mod sockets;
pub(crate) mod storage;
