//! Workers that are loaded, or dispatched to, at run time; and how deep Workers and
//! objects call each other.

mod depth;
mod dispatch;
mod facets;
mod loader;
mod tails;
