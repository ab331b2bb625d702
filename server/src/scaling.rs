//! How many isolates a Worker gets: one more while all that there are were busy,
//! one less when one has rested. `run` and `serve` have the same rules.

use std::collections::HashMap;
use std::time::Duration;

use crate::run_options::Scaling;

/// How many busy seconds bring another isolate.
const BUSY_SECONDS: u64 = 2;
/// One that runs for less of a second than this rests: another one can do its
/// work as well.
const RESTING_NANOS: u64 = 50_000_000;

/// What an isolate did in the last second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Second {
    /// Names it among those of its Worker.
    pub(crate) id: u32,
    /// CPU time of its thread.
    pub(crate) used_nanos: u64,
    /// Requests and sockets under way.
    pub(crate) in_flight: usize,
    /// Whether it may end.
    pub(crate) may_end: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    Keep,
    /// Another isolate.
    Grow,
    /// This one has rested.
    End(u32),
}

/// What was seen of a Worker's isolates so far.
#[derive(Debug, Default)]
pub(crate) struct Scale {
    /// Seconds in a row in which all isolates were busy.
    busy: u64,
    /// Seconds in a row in which each did next to nothing and held nothing.
    rested: HashMap<u32, u64>,
}

impl Scale {
    /// Takes note of a second.
    pub(crate) fn look(&mut self, seconds: &[Second], most: usize, scaling: Scaling) -> Advice {
        let is_busy = |second: &Second| u128::from(second.used_nanos) > scaling.busy.as_nanos();
        let all_busy = !seconds.is_empty() && seconds.iter().all(is_busy);
        self.rested.retain(|id, _| seconds.iter().any(|second| second.id == *id));
        for second in seconds {
            let rests = second.used_nanos < RESTING_NANOS && second.in_flight == 0;
            let rested = self.rested.entry(second.id).or_default();
            *rested = if rests { *rested + 1 } else { 0 };
        }
        if !all_busy || seconds.len() >= most {
            self.busy = 0;
            return self.rested_one(seconds, scaling.rest);
        }
        self.busy += 1;
        if self.busy < BUSY_SECONDS {
            return Advice::Keep;
        }
        self.busy = 0;
        Advice::Grow
    }

    /// One at a time, so that those that stay can show how they bear its load.
    fn rested_one(&self, seconds: &[Second], rest: Duration) -> Advice {
        let enough = rest.as_secs().max(1);
        let rested = |second: &&Second| {
            second.may_end && self.rested.get(&second.id).is_some_and(|it| *it >= enough)
        };
        seconds.iter().find(rested).map_or(Advice::Keep, |second| Advice::End(second.id))
    }

    /// One ended: the others have to show anew that they rest.
    pub(crate) fn ended(&mut self) {
        self.rested.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(id: u32, used_millis: u64) -> Second {
        Second { id, used_nanos: used_millis * 1_000_000, in_flight: 0, may_end: id > 0 }
    }

    #[test]
    fn two_busy_seconds_of_all_bring_another_one() {
        let (mut scale, scaling) = (Scale::default(), Scaling::default());
        assert_eq!(scale.look(&[second(0, 900)], 2, scaling), Advice::Keep);
        assert_eq!(scale.look(&[second(0, 900)], 2, scaling), Advice::Grow);
        let mixed = [second(0, 900), second(1, 100)];
        assert!((0..9).all(|_| scale.look(&mixed, 3, scaling) == Advice::Keep));
        let full = [second(0, 900), second(1, 900)];
        assert!((0..9).all(|_| scale.look(&full, 2, scaling) == Advice::Keep));
    }

    #[test]
    fn one_that_rested_ends_and_the_others_start_to_count_again() {
        let scaling = Scaling { rest: Duration::from_secs(2), ..Scaling::default() };
        let mut scale = Scale::default();
        let all = [second(0, 1), second(1, 1), second(2, 1)];
        assert_eq!(scale.look(&all, 3, scaling), Advice::Keep);
        assert_eq!(scale.look(&all, 3, scaling), Advice::End(1));
        scale.ended();
        let rest = [second(0, 1), second(2, 1)];
        assert_eq!(scale.look(&rest, 3, scaling), Advice::Keep);
        assert_eq!(scale.look(&rest, 3, scaling), Advice::End(2));
        scale.ended();
        let first = [second(0, 1)];
        assert!((0..9).all(|_| scale.look(&first, 3, scaling) == Advice::Keep), "the first stays");
    }

    #[test]
    fn one_that_holds_something_does_not_rest() {
        let scaling = Scaling { rest: Duration::from_secs(1), ..Scaling::default() };
        let mut scale = Scale::default();
        let holds = Second { in_flight: 1, ..second(1, 1) };
        assert!((0..9).all(|_| scale.look(&[second(0, 1), holds], 3, scaling) == Advice::Keep));
    }
}
