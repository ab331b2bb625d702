//! What a Worker must not reach, run or break.

mod elements;
mod node;
mod poison;
mod reach;
mod run;
mod time;

pub(crate) use poison::POISON;
