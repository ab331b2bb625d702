//! HTTP/1 and HTTP/2 over TCP and TLS, as the wire sees it.

mod bodies;
mod disconnect;
mod head;
mod http2;
mod keep_alive;
mod malformed;
mod memory;
mod tls;
