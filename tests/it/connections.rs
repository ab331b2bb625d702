//! `connect()` handlers: what reaches them from other Workers, and from clients.

mod inbound;
mod workers;
