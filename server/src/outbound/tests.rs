//! Subrequests against origins on loopback.

mod bodies;
mod exchange;
mod harness;
mod limits;
mod redirects;
mod sockets;
mod tls;
mod websockets;
