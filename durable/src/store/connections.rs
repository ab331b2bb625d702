//! The open connections of a thread: a bounded number, of which those that were
//! not used for longest are closed.

use std::sync::Arc;

/// Asked every few thousand steps of a query whether it is to stop.
pub type StopFlag = Arc<dyn Fn() -> bool + Send + Sync>;

/// What the connections of a thread are like.
#[derive(Clone, Default)]
pub struct ConnectionsOptions {
    /// How many may be open; 0 for the default of 128. Those with live cursors
    /// or open transactions may be more.
    pub open: usize,
    /// What stops a query that takes too long: the CPU limit.
    pub stop: Option<StopFlag>,
}

/// The connections of one thread. Clones are the same connections.
#[derive(Debug, Clone)]
pub struct Connections(std::rc::Rc<()>);

impl Connections {
    /// For the objects of this thread.
    pub fn new(options: ConnectionsOptions) -> Self {
        let _ = options;
        unimplemented!()
    }
}
