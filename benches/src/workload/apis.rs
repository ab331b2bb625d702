//! What the platform's own classes cost: each request does as much with one of them that
//! HTTP is little beside it.

use super::{Data, Load, Request, Worker, Workload};

macro_rules! works {
    ($($name:literal $title:literal $file:literal $connections:literal $data:ident $expect:literal $goal:expr;)*) => {
        &[$(Workload {
            name: $name,
            title: $title,
            worker: Worker {
                source: include_str!(concat!("../../workers/apis/", $file)),
                deno: None,
                data: Data::$data,
            },
            load: Load::Requests,
            connections: $connections,
            request: Request::Get("/"),
            expect: $expect,
            goal_deno: None,
            goal_workerd: $goal,
        }),*]
    };
}

pub(super) static ALL: &[Workload] = works! {
    "html_rewriter" "HTMLRewriter, page of 1 MiB" "html_rewriter.js" 8 Rewriter "rewrote true" Some(1.0);
    "url" "URL, 500 parsed and changed" "url.js" 8 None "sum true" Some(1.0);
    "headers_class" "Headers, 200 lists" "headers_class.js" 8 None "sum true" Some(1.0);
    "encoding" "UTF-8, 256 KiB and back" "encoding.js" 8 None "same true" Some(1.0);
    "base64" "base64, 192 KiB and back" "base64.js" 8 None "same true" Some(1.0);
    "sha256" "SHA-256 of 1 MiB" "sha256.js" 8 None "bytes 32" Some(1.0);
    "aes_gcm" "AES-GCM, 1 MiB and back" "aes_gcm.js" 8 None "bytes 1048576" Some(1.0);
    "compression" "gzip of 1 MiB" "compression.js" 8 None "smaller true" Some(1.0);
    "clone" "structuredClone, 1,000 records" "clone.js" 8 None "records 1000" Some(1.0);
    "hello_10k" "hello world of 10 KB" "hello_10k.js" 64 None "xxxxxxxx" None;
    "cache_hello" "cache, hello world found" "cache_hello.js" 64 Cache "Hello, world!" None;
    "cache_hit" "cache, 10 KB found" "cache_hit.js" 64 Cache "xxxxxxxx" None;
    "front_hello" "cache before the Worker, hello world" "front_hello.js" 64 Front "Hello, world!" None;
    "front_hit" "cache before the Worker, 10 KB" "front_hit.js" 64 Front "xxxxxxxx" None;
};
