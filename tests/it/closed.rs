//! What a Worker must not reach, run or break.

mod poison;
mod reach;
mod run;
mod time;
