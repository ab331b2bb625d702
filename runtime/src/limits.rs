//! The limits of a Worker, with Cloudflare's defaults
//! (<https://developers.cloudflare.com/workers/platform/limits/>).

use std::time::Duration;

/// CPU time of one request: 30 s.
pub const DEFAULT_CPU: Duration = Duration::from_secs(30);
/// The most that `limits.cpu_ms` may ask for: 5 minutes.
pub const MAX_CPU: Duration = Duration::from_secs(300);
/// CPU time of the global scope: 1 s.
pub const STARTUP_CPU: Duration = Duration::from_secs(1);
/// V8's heap plus external memory of one isolate: 128 MB.
pub const MEMORY_BYTES: usize = 128 * 1024 * 1024;
/// Subrequests of one request.
pub const SUBREQUESTS: u32 = 1000;
/// Workers and Durable Objects that one request may go through, the first included
/// (<https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/#limits>).
pub const CALL_DEPTH: u32 = 32;
/// Outbound connections that one request may have open; further ones wait.
pub const OPEN_CONNECTIONS: usize = 6;
/// What a request may have under way on other threads; a small operation of
/// `crypto.subtle` weighs 1, a millisecond about 10.
pub const JOB_WEIGHT: u32 = 16384;
/// Threads on which an isolate has other work done than its JavaScript.
pub const BLOCKING_THREADS: usize = 16;
/// Wall time that `waitUntil` gets after the response: 30 s.
pub const WAIT_UNTIL: Duration = Duration::from_secs(30);
/// The body of a request: 100 MB.
pub const REQUEST_BODY_BYTES: u64 = 100 * 1024 * 1024;
/// All headers of a request: 128 KB.
pub const REQUEST_HEADER_BYTES: usize = 128 * 1024;
/// The URL of a request: 16 KB.
pub const URL_BYTES: usize = 16 * 1024;
/// A received WebSocket message: 32 MiB.
pub const WEBSOCKET_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// Limits on the requests and the isolates of one Worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// CPU time of one request, `waitUntil` included.
    pub cpu: Duration,
    /// CPU time of the global scope.
    pub startup_cpu: Duration,
    /// V8's heap and external memory of one isolate, in bytes.
    pub memory_bytes: usize,
    /// Subrequests of one request, redirects included.
    pub subrequests: u32,
    /// Outbound connections that one request may have open at once.
    pub open_connections: usize,
    /// Wall time that `waitUntil` gets after the response.
    pub wait_until: Duration,
    /// The body of a request, in bytes.
    pub request_body_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: DEFAULT_CPU,
            startup_cpu: STARTUP_CPU,
            memory_bytes: MEMORY_BYTES,
            subrequests: SUBREQUESTS,
            open_connections: OPEN_CONNECTIONS,
            wait_until: WAIT_UNTIL,
            request_body_bytes: REQUEST_BODY_BYTES,
        }
    }
}
