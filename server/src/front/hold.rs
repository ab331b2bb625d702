//! The client of a request that others wait for, too.

use std::cell::RefCell;
use std::rc::Rc;

use selvedge_runtime::{ContextRef, Presence};
use tokio::task::JoinHandle;

use crate::site::Site;
use crate::tee::ALONE;

/// The Worker goes on without its client, for those who wait for the same. After a while
/// the client decides again.
pub(super) struct Hold {
    task: JoinHandle<()>,
    context: ContextRef,
    presence: Rc<RefCell<Option<Presence>>>,
}

impl Hold {
    pub(super) fn new(site: Rc<Site>, context: ContextRef, presence: Option<Presence>) -> Self {
        let presence = Rc::new(RefCell::new(presence));
        let of_task = presence.clone();
        let task = tokio::task::spawn_local(async move {
            tokio::time::sleep(ALONE).await;
            let presence = of_task.borrow_mut().take();
            match presence {
                Some(tell) => tell(context),
                // Nobody is there.
                None => site.isolate.client_gone(context),
            }
        });
        Self { task, context, presence }
    }

    /// The client decides from now on.
    pub(super) fn hand_over(self) {
        if let Some(tell) = self.presence.borrow_mut().take() {
            tell(self.context);
        }
    }

    /// The client has all that it wanted.
    pub(super) fn client_is_done(&self) {
        self.presence.borrow_mut().take();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.task.abort();
    }
}
