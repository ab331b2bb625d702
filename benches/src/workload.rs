//! The workloads: which Worker, which load, and what counts as good enough.

mod apis;
mod data;
mod durable;

use std::net::SocketAddr;

use anyhow::{Context, Result};

use crate::results::Unit;
pub(crate) use durable::COUNTERS;

pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) worker: Worker,
    pub(crate) load: Load,
    pub(crate) connections: usize,
    request: Request,
    /// A part of every right answer's body, so that no peer is measured failing.
    pub(crate) expect: &'static str,
    /// The least ratio to `deno serve` that Selvedge is to reach, where Deno can do it.
    pub(crate) goal_deno: Option<f64>,
    /// The least ratio to workerd, where one is set.
    pub(crate) goal_workerd: Option<f64>,
}

/// A Worker's source, with another one where Deno's API differs.
pub(crate) struct Worker {
    pub(crate) source: &'static str,
    pub(crate) deno: Option<&'static str>,
    pub(crate) data: Data,
}

/// What a Worker keeps on disk, empty at the start and filled by POST requests.
#[derive(Clone, Copy)]
pub(crate) enum Data {
    None,
    /// A KV namespace named `KV`. For Deno it is the file `kv.sqlite3`.
    Kv {
        seeds: usize,
    },
    /// A D1 database named `DB`.
    D1 {
        seeds: usize,
    },
    /// A queue named `Q`, of which the Worker takes the messages.
    Queue,
    /// An R2 bucket named `FILES`.
    R2 {
        seeds: usize,
    },
    /// A namespace named `OBJECTS` of the class `Bench`, which has `storage.sql`.
    Objects {
        seeds: usize,
    },
    /// A file of so many bytes, `public/file.txt`, which is served without the Worker.
    Assets {
        bytes: usize,
    },
    /// Nothing, but a cache stands before the Worker. Only Selvedge has one.
    Front,
    /// Nothing, but the Worker asks for classes that only Workers have.
    Rewriter,
    /// What `caches.default` holds; workerd alone has no cache.
    Cache,
}

impl Data {
    /// How many POST requests fill it.
    pub(crate) fn seeds(self) -> usize {
        match self {
            Self::None
            | Self::Queue
            | Self::Assets { .. }
            | Self::Rewriter
            | Self::Cache
            | Self::Front => 0,
            Self::Kv { seeds }
            | Self::D1 { seeds }
            | Self::R2 { seeds }
            | Self::Objects { seeds } => seeds,
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Load {
    /// As many requests as come back, one in flight per connection.
    Requests,
    /// The same, counted in bytes.
    Download { body_bytes: u64 },
    /// The same of what is sent: the request's body.
    Upload { body_bytes: usize },
    /// WebSocket messages, one in flight per connection.
    Messages { message_bytes: usize },
    /// WebSocket messages, each of which comes back on all connections; one in flight per
    /// connection, and each that arrives counts.
    Broadcast { message_bytes: usize },
}

#[derive(Clone, Copy)]
enum Request {
    Get(&'static str),
    Post(&'static str, &'static str),
    /// A POST with a body of so many bytes.
    Upload(usize),
    /// A GET with this many bytes of headers.
    Headers(usize),
}

impl Workload {
    pub(crate) fn unit(&self) -> Unit {
        match self.load {
            Load::Requests => Unit::Requests,
            Load::Download { .. } | Load::Upload { .. } => Unit::Bytes,
            Load::Messages { .. } | Load::Broadcast { .. } => Unit::Messages,
        }
    }

    /// The request as bytes, head and body.
    pub(crate) fn request(&self, addr: SocketAddr) -> Vec<u8> {
        match self.request {
            Request::Get(path) => get(path, addr),
            Request::Post(path, body) => format!(
                "POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
            Request::Upload(bytes) => {
                let mut request =
                    format!("POST / HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {bytes}\r\n\r\n")
                        .into_bytes();
                request.resize(request.len() + bytes, b'x');
                request
            }
            Request::Headers(bytes) => many_headers(addr, bytes),
        }
    }
}

/// A plain GET, head only.
pub(crate) fn get(path: &str, addr: SocketAddr) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").into_bytes()
}

/// A POST without a body.
pub(crate) fn post(path: &str, addr: SocketAddr) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 0\r\n\r\n").into_bytes()
}

/// A request as it leaves a browser and two proxies, filled up to `bytes` with what fills
/// such requests in life: cookies and tracing headers.
fn many_headers(addr: SocketAddr, bytes: usize) -> Vec<u8> {
    let mut head = format!(
        "GET /account HTTP/1.1\r\nHost: {addr}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
         Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
         Referer: https://shop.example.com/catalogue/shoes?page=3&sort=price\r\n\
         Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\
         X-Forwarded-For: 203.0.113.7, 198.51.100.21\r\nX-Forwarded-Proto: https\r\n\
         X-Request-Id: 01928f6e-7d0a-7cc4-b2a1-5b1f8d6c2e11\r\n\
         Traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
    );
    let cookie: String = (0..36).map(|n| format!("c{n}={:032x}; ", n * 7919)).collect();
    head.push_str(&format!("Cookie: {}\r\n", cookie.trim_end_matches("; ")));
    for n in 0.. {
        let room = bytes.saturating_sub(head.len() + 2);
        let name = format!("X-Baggage-{n}: ");
        if room < name.len() + 3 {
            break;
        }
        let value = (room - name.len() - 2).min(240);
        head.push_str(&format!("{name}{}\r\n", "v".repeat(value)));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

const ORDER: &str = r#"{"customer":"Ada Lovelace","email":"ada@example.com","items":[{"sku":"loom-1","price":120.5,"quantity":1},{"sku":"thread-7","price":3.25,"quantity":12},{"sku":"shuttle-2","price":18,"quantity":2}],"note":"leave it at the door","express":true}"#;

/// The Worker of `start`, `pss` and `isolates`.
pub(crate) const HELLO: Worker =
    Worker { source: include_str!("../workers/hello.js"), deno: None, data: Data::None };

/// All workloads.
pub(crate) fn all() -> impl Iterator<Item = &'static Workload> {
    GENERAL.iter().chain(data::ALL).chain(durable::ALL).chain(apis::ALL)
}

static GENERAL: &[Workload] = &[
    Workload {
        name: "hello",
        title: "hello world",
        worker: HELLO,
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/"),
        expect: "Hello, world!",
        goal_deno: Some(1.0),
        goal_workerd: Some(5.0),
    },
    Workload {
        name: "json_get",
        title: "JSON GET",
        worker: Worker {
            source: include_str!("../workers/json_get.js"),
            deno: None,
            data: Data::None,
        },
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/items?id=42"),
        expect: r#"{"path":"/items","id":42,"name":"selvedge","#,
        goal_deno: Some(0.95),
        goal_workerd: Some(5.0),
    },
    Workload {
        name: "json_post",
        title: "JSON POST",
        worker: Worker {
            source: include_str!("../workers/json_post.js"),
            deno: None,
            data: Data::None,
        },
        load: Load::Requests,
        connections: 64,
        request: Request::Post("/orders", ORDER),
        expect: r#""customer":"Ada Lovelace","count":3,"total":195.5}"#,
        goal_deno: Some(0.95),
        goal_workerd: Some(5.0),
    },
    Workload {
        name: "ws",
        title: "WebSocket echo",
        worker: Worker {
            source: include_str!("../workers/ws_echo.js"),
            deno: Some(include_str!("../workers/ws_echo.deno.js")),
            data: Data::None,
        },
        load: Load::Messages { message_bytes: 64 },
        connections: 32,
        request: Request::Get("/"),
        expect: "expected a WebSocket",
        goal_deno: Some(1.0),
        goal_workerd: None,
    },
    Workload {
        name: "stream",
        title: "64 MiB stream",
        worker: Worker {
            source: include_str!("../workers/stream.js"),
            deno: None,
            data: Data::None,
        },
        load: Load::Download { body_bytes: 64 << 20 },
        connections: 4,
        request: Request::Get("/"),
        expect: "xxxxxxxx",
        goal_deno: Some(1.0),
        goal_workerd: None,
    },
    Workload {
        name: "headers",
        title: "8 KB headers in, 20 out",
        worker: Worker {
            source: include_str!("../workers/headers.js"),
            deno: None,
            data: Data::None,
        },
        load: Load::Requests,
        connections: 64,
        request: Request::Headers(8 * 1024),
        expect: "anonymous",
        goal_deno: Some(0.9),
        goal_workerd: None,
    },
    Workload {
        name: "assets",
        title: "static 10 KB file",
        worker: Worker {
            source: include_str!("../workers/hello.js"),
            deno: None,
            data: Data::Assets { bytes: 10 * 1024 },
        },
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/file.txt"),
        expect: "xxxxxxxx",
        goal_deno: None,
        goal_workerd: None,
    },
];

pub(crate) fn by_name(name: &str) -> Result<&'static Workload> {
    all().find(|workload| workload.name == name).with_context(|| {
        let names: Vec<&str> = all().map(|workload| workload.name).collect();
        format!("no workload `{name}`; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{all, by_name};

    #[test]
    fn the_head_with_many_headers_is_8_kib() {
        let request = by_name("headers").unwrap().request("127.0.0.1:1".parse().unwrap());
        assert!((8 * 1024 - 20..=8 * 1024).contains(&request.len()), "{}", request.len());
        assert!(request.ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn names_are_unique() {
        for workload in all() {
            assert!(std::ptr::eq(by_name(workload.name).unwrap(), workload));
        }
    }
}
