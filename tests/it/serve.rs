//! `selvedge serve`: many Workers of many accounts behind the same sockets.

pub(crate) mod server;

mod accounts;
mod connections;
mod fairness;
mod isolates;
mod limits;
mod objects;
mod process;
mod proxies;
mod routing;
mod stop;
mod swap;
mod tls;
mod traces;
mod versions;
mod wrangler;
