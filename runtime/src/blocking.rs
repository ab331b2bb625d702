//! CPU time of work that an isolate has done on other threads.
//!
//! An isolate's event loop has blocking threads of its own: what they spend is
//! spent for this isolate. The platform says when such a *job* begins and ends,
//! and at both moments the time since the last look is shared by the jobs that
//! were under way. For one request that is exact; several at once share evenly.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::ThreadId;

use crate::io_context::ContextId;
use crate::watchdog::ThreadClock;

/// The blocking threads of one event loop.
#[derive(Default)]
pub(crate) struct BlockingThreads(Mutex<Threads>);

#[derive(Default)]
struct Threads {
    running: Vec<(ThreadId, ThreadClock)>,
    /// What those spent that ended.
    ended_nanos: u64,
}

impl BlockingThreads {
    /// The calling thread is one of them from now on.
    pub(crate) fn enter(&self) {
        let clock = ThreadClock::of_this_thread();
        self.threads().running.push((std::thread::current().id(), clock));
    }

    /// The calling thread ends.
    pub(crate) fn leave(&self) {
        let this = std::thread::current().id();
        let spent = nanos(ThreadClock::of_this_thread());
        let mut threads = self.threads();
        threads.running.retain(|(id, _)| *id != this);
        threads.ended_nanos += spent;
    }

    /// CPU time of all of them until now, in nanoseconds.
    fn total_nanos(&self) -> u64 {
        // The lock keeps a thread from ending while its clock is read.
        let threads = self.threads();
        threads.ended_nanos + threads.running.iter().map(|(_, clock)| nanos(*clock)).sum::<u64>()
    }

    fn threads(&self) -> std::sync::MutexGuard<'_, Threads> {
        self.0.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

fn nanos(clock: ThreadClock) -> u64 {
    clock.read().as_nanos() as u64
}

/// Names a job among those of an isolate; at most 30 bits, and used again.
pub type JobId = u32;

const LAST_JOB: JobId = (1 << 30) - 1;

/// The jobs of one isolate.
pub(crate) struct Jobs {
    threads: Arc<BlockingThreads>,
    /// How much of the threads' time is accounted for.
    seen_nanos: Cell<u64>,
    under_way: RefCell<HashMap<JobId, Job>>,
    /// The requests that have some under way: few.
    loads: RefCell<Vec<Load>>,
    next: Cell<JobId>,
}

struct Job {
    /// `None`: its request is over.
    context: Option<ContextId>,
    weight: u32,
}

/// The jobs of one request together.
struct Load {
    context: ContextId,
    jobs: u32,
    weight: u32,
}

impl Jobs {
    pub(crate) fn new(threads: Arc<BlockingThreads>) -> Self {
        Self {
            seen_nanos: Cell::new(threads.total_nanos()),
            threads,
            under_way: RefCell::default(),
            loads: RefCell::default(),
            next: Cell::new(0),
        }
    }

    /// A job of a request begins. [`Jobs::take_spent`] must have been called
    /// just before.
    pub(crate) fn begin(&self, context: ContextId, weight: u32) -> JobId {
        let id = self.next.get();
        self.next.set(if id == LAST_JOB { 0 } else { id + 1 });
        self.under_way.borrow_mut().insert(id, Job { context: Some(context), weight });
        let mut loads = self.loads.borrow_mut();
        match loads.iter_mut().find(|load| load.context == context) {
            Some(load) => {
                load.jobs += 1;
                load.weight = load.weight.saturating_add(weight);
            }
            None => loads.push(Load { context, jobs: 1, weight }),
        }
        id
    }

    /// A job ended; gives the request that it was of.
    pub(crate) fn end(&self, id: JobId) -> Option<ContextId> {
        let job = self.under_way.borrow_mut().remove(&id)?;
        let context = job.context?;
        let mut loads = self.loads.borrow_mut();
        let at = loads.iter().position(|load| load.context == context)?;
        loads[at].jobs -= 1;
        loads[at].weight -= job.weight;
        if loads[at].jobs == 0 {
            loads.swap_remove(at);
        }
        Some(context)
    }

    /// Nothing more can be charged to a request.
    pub(crate) fn forget(&self, context: ContextId) {
        let mut loads = self.loads.borrow_mut();
        let Some(at) = loads.iter().position(|load| load.context == context) else { return };
        loads.swap_remove(at);
        for job in self.under_way.borrow_mut().values_mut() {
            job.context = job.context.filter(|of| *of != context);
        }
    }

    /// The weight of a request's jobs together.
    pub(crate) fn weight(&self, context: ContextId) -> u32 {
        let loads = self.loads.borrow();
        loads.iter().find(|load| load.context == context).map_or(0, |load| load.weight)
    }

    /// What the threads spent since the last call, by request, in nanoseconds.
    pub(crate) fn take_spent(&self) -> Vec<(ContextId, u64)> {
        let now = self.threads.total_nanos();
        let spent = now.saturating_sub(self.seen_nanos.replace(now));
        let share = spent / self.under_way.borrow().len().max(1) as u64;
        let loads = self.loads.borrow();
        loads.iter().map(|load| (load.context, share * u64::from(load.jobs))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spin(at_least: std::time::Duration) {
        let clock = ThreadClock::of_this_thread();
        let before = clock.read();
        while clock.read() - before < at_least {
            std::hint::spin_loop();
        }
    }

    const WORK: std::time::Duration = std::time::Duration::from_millis(20);

    #[test]
    fn the_time_of_a_thread_that_ended_counts() {
        let threads = Arc::new(BlockingThreads::default());
        let jobs = Jobs::new(threads.clone());
        jobs.begin(7, 1);
        let of_thread = threads.clone();
        let thread = std::thread::spawn(move || {
            of_thread.enter();
            spin(WORK);
            of_thread.leave();
        });
        thread.join().expect("it does not panic");
        let spent = jobs.take_spent();
        assert_eq!(spent.len(), 1);
        assert_eq!(spent[0].0, 7);
        assert!(u128::from(spent[0].1) >= WORK.as_nanos(), "{spent:?}");
        assert_eq!(jobs.take_spent(), [(7, 0)], "it is charged once");
    }

    #[test]
    fn jobs_share_and_those_of_ended_requests_charge_nobody() {
        let threads = Arc::new(BlockingThreads::default());
        let jobs = Jobs::new(threads.clone());
        let first = jobs.begin(1, 3);
        jobs.begin(1, 4);
        jobs.begin(2, 5);
        assert_eq!((jobs.weight(1), jobs.weight(2), jobs.weight(3)), (7, 5, 0));
        // This thread stands for a blocking one.
        threads.enter();
        jobs.take_spent();
        spin(WORK);
        let spent = jobs.take_spent();
        let [(1, double), (2, single)] = spent[..] else { panic!("{spent:?}") };
        assert_eq!(double, 2 * single, "the first request has two of three jobs");
        assert!(u128::from(single) >= WORK.as_nanos() / 3);
        jobs.forget(2);
        assert_eq!(jobs.end(first), Some(1));
        assert_eq!(jobs.weight(1), 4);
        assert_eq!(jobs.take_spent().len(), 1);
        assert_eq!(jobs.end(first), None);
        threads.leave();
    }
}
