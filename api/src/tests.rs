//! The API over TCP, with a server behind it that only pretends to run Workers.

mod assets;
mod data;
mod deploys;
mod fixture;
mod guards;
mod hosts;
mod secrets;
mod uploads;
mod wrangler;
