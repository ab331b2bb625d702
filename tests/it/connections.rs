//! `connect()` handlers: what reaches them from other Workers, and from clients.

mod workers;
