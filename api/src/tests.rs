//! The API over TCP, with a server behind it that only pretends to run Workers.

mod assets;
mod d1;
mod data;
mod deploys;
mod fixture;
mod guards;
mod hosts;
mod queues;
mod secrets;
mod uploads;
mod workflows;
mod wrangler;
