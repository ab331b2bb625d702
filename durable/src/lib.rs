//! Durable Objects: what a Worker sees of them, their rules, and their storage.
