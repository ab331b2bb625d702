//! Fair shares of the processor: where it is short, isolates of accounts that use
//! more than their share run when no other thread wants to.
//!
//! Once a second it is looked at what each isolate's thread used. Where the
//! processor is used up, the accounts that got most of it, and in them the isolates
//! that did, are those that want more than there is. Their threads *yield*: the
//! system runs them with what all others leave (`SCHED_IDLE`). So a request to a Worker that does little is not behind
//! one that computes: the system puts its thread in the place of one that yields at
//! once. Who uses less for a while does not yield any more.

use std::collections::{HashMap, HashSet};

use selvedge_deployments::AccountId;

/// The processor counts as used up from this part of it on.
const SHORT: f64 = 0.7;
/// Less than this part of a second is nobody's burden.
const LITTLE_NANOS: u64 = 20_000_000;
/// More than this, and it did something.
const AWAKE_NANOS: u64 = 100_000;
/// Who uses this part of what the greediest one does is as greedy.
const NEAR: f64 = 0.7;
/// Seconds below its share after which a thread yields no more.
const CALM_SECONDS: u32 = 3;

const SECOND_NANOS: f64 = 1e9;

/// Names an isolate in the process: the address of what its thread tells.
pub(crate) type Who = usize;

/// What an isolate's thread used in the last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use<'a> {
    pub(crate) who: Who,
    pub(crate) account: &'a AccountId,
    pub(crate) nanos: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Yield(Who),
    Restore(Who),
}

/// Who yields.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    /// And for how many seconds it was calm.
    yields: HashMap<Who, u32>,
}

impl Fairness {
    /// Takes note of a second on a machine with so many cores.
    pub(crate) fn look(&mut self, uses: &[Use<'_>], cores: usize) -> Vec<Change> {
        let greedy = greedy(uses, cores);
        let all: HashSet<Who> = uses.iter().map(|it| it.who).collect();
        self.yields.retain(|who, _| all.contains(who));
        let mut changes = Vec::new();
        for it in uses {
            if greedy.contains(&it.who) {
                if self.yields.insert(it.who, 0).is_none() {
                    changes.push(Change::Yield(it.who));
                }
            } else if let Some(calm) = self.yields.get_mut(&it.who) {
                *calm += 1;
                if *calm >= CALM_SECONDS {
                    self.yields.remove(&it.who);
                    changes.push(Change::Restore(it.who));
                }
            }
        }
        changes
    }
}

/// The threads that would use more if they got it.
fn greedy(uses: &[Use<'_>], cores: usize) -> HashSet<Who> {
    let capacity = cores as f64 * SECOND_NANOS;
    let total: f64 = uses.iter().map(|it| it.nanos as f64).sum();
    if total < capacity * SHORT {
        return HashSet::new();
    }
    let mut accounts: HashMap<&AccountId, Vec<Use<'_>>> = HashMap::new();
    for it in uses {
        accounts.entry(it.account).or_default().push(*it);
    }
    let sum = |own: &Vec<Use<'_>>| own.iter().map(|it| it.nanos as f64).sum::<f64>();
    let level = level(accounts.values().map(sum).collect());
    let mut greedy = HashSet::new();
    for own in accounts.values().filter(|own| sum(own) >= level * NEAR) {
        let level = self::level(own.iter().map(|it| it.nanos as f64).collect());
        let is_heavy = |it: &&Use<'_>| it.nanos > LITTLE_NANOS && it.nanos as f64 >= level * NEAR;
        greedy.extend(own.iter().filter(is_heavy).map(|it| it.who));
    }
    // Where nobody else is awake, there is nobody to yield to.
    let is_other = |it: &Use<'_>| it.nanos >= AWAKE_NANOS && !greedy.contains(&it.who);
    if !uses.iter().any(is_other) {
        greedy.clear();
    }
    greedy
}

/// What those got who got most, when all share what there was and those that want
/// less leave the rest to the others.
fn level(mut used: Vec<f64>) -> f64 {
    used.sort_by(f64::total_cmp);
    let mut rest: f64 = used.iter().sum();
    for (at, own) in used.iter().enumerate() {
        let share = rest / (used.len() - at) as f64;
        if *own >= share {
            return share;
        }
        rest -= own;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(digit: char) -> AccountId {
        digit.to_string().repeat(32).parse().expect("an id")
    }

    fn looked(
        fairness: &mut Fairness,
        uses: &[(Who, &AccountId, u64)],
        cores: usize,
    ) -> Vec<Change> {
        let uses: Vec<_> = uses
            .iter()
            .map(|(who, account, millis)| Use { who: *who, account, nanos: millis * 1_000_000 })
            .collect();
        let mut changes = fairness.look(&uses, cores);
        changes.sort_by_key(|change| match change {
            Change::Yield(who) | Change::Restore(who) => *who,
        });
        changes
    }

    #[test]
    fn who_burns_yields_to_who_does_little_until_it_is_calm() {
        let (burner, quiet) = (account('a'), account('b'));
        let mut fairness = Fairness::default();
        let busy = [
            (1, &burner, 480),
            (2, &burner, 480),
            (3, &burner, 480),
            (4, &burner, 480),
            (5, &quiet, 30),
        ];
        let all = [1, 2, 3, 4].map(Change::Yield);
        assert_eq!(looked(&mut fairness, &busy, 2), all);
        assert_eq!(looked(&mut fairness, &busy, 2), [], "they do so already");
        let calm = [(1, &burner, 5), (2, &burner, 5), (3, &burner, 5), (4, &burner, 5)];
        assert_eq!(looked(&mut fairness, &calm, 2), []);
        assert_eq!(looked(&mut fairness, &calm, 2), []);
        assert_eq!(looked(&mut fairness, &calm, 2), [1, 2, 3, 4].map(Change::Restore));
    }

    #[test]
    fn four_accounts_that_burn_yield_to_one_that_does_not() {
        let accounts = ['a', 'b', 'c', 'd', 'e'].map(account);
        let mut fairness = Fairness::default();
        let uses = [
            (1, &accounts[0], 470),
            (2, &accounts[1], 480),
            (3, &accounts[2], 490),
            (4, &accounts[3], 480),
            (5, &accounts[4], 60),
        ];
        let changes = looked(&mut fairness, &uses, 2);
        assert!(!changes.contains(&Change::Yield(5)), "{changes:?}");
        assert!(changes.len() >= 3, "{changes:?}");
    }

    #[test]
    fn nobody_yields_while_there_is_enough() {
        let burner = account('a');
        let mut fairness = Fairness::default();
        assert_eq!(looked(&mut fairness, &[(1, &burner, 990)], 2), []);
    }

    #[test]
    fn a_quiet_worker_is_served_beside_a_burning_one_of_its_own_account() {
        let own = account('a');
        let mut fairness = Fairness::default();
        let uses = [(1, &own, 960), (2, &own, 960), (3, &own, 10)];
        assert_eq!(looked(&mut fairness, &uses, 2), [Change::Yield(1), Change::Yield(2)]);
    }

    #[test]
    fn many_small_workers_of_one_account_are_as_one_large_one() {
        let (many, other) = (account('a'), account('b'));
        let mut fairness = Fairness::default();
        let mut uses: Vec<_> = (0..30).map(|who| (who, &many, 60)).collect();
        uses.push((99, &other, 150));
        let changes = looked(&mut fairness, &uses, 2);
        assert_eq!(changes.len(), 30, "{changes:?}");
        assert!(!changes.contains(&Change::Yield(99)));
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let (burner, other) = (account('a'), account('b'));
        let mut fairness = Fairness::default();
        looked(&mut fairness, &[(1, &burner, 1900), (2, &other, 30)], 2);
        assert_eq!(fairness.yields.len(), 1);
        looked(&mut fairness, &[], 2);
        assert!(fairness.yields.is_empty());
    }
}
