//! The workloads of Durable Objects, on Selvedge and on workerd with its objects on disk.

use super::{Data, Load, Request, Worker, Workload};

/// Counters: the Worker of three workloads and of `objects`.
pub(crate) const COUNTERS: Worker = worker(include_str!("../../workers/do_counter.js"), 1);

const fn worker(source: &'static str, seeds: usize) -> Worker {
    Worker { source, deno: None, data: Data::Objects { seeds } }
}

pub(super) static ALL: &[Workload] = &[
    Workload {
        name: "do_read",
        title: "Durable Object, get",
        worker: COUNTERS,
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/one"),
        expect: "\"value\":0",
        goal_deno: None,
        goal_workerd: Some(5.0),
    },
    Workload {
        name: "do_increment",
        title: "Durable Object, get + put",
        worker: COUNTERS,
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/one/increment"),
        expect: "\"value\":1",
        goal_deno: None,
        goal_workerd: Some(5.0),
    },
    Workload {
        name: "do_increment_1000",
        title: "1,000 objects, get + put",
        worker: COUNTERS,
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/many/increment"),
        expect: "\"value\":1",
        goal_deno: None,
        goal_workerd: Some(3.0),
    },
    Workload {
        name: "do_rpc",
        title: "RPC to an object",
        worker: worker(include_str!("../../workers/do_rpc.js"), 0),
        load: Load::Requests,
        connections: 64,
        request: Request::Get("/"),
        expect: "Hello, Ada!",
        goal_deno: None,
        goal_workerd: Some(3.0),
    },
    Workload {
        name: "do_cold",
        title: "first request to a cold object",
        worker: worker(include_str!("../../workers/do_cold.js"), 40),
        load: Load::Requests,
        connections: 1,
        request: Request::Get("/"),
        expect: "stored",
        goal_deno: None,
        goal_workerd: None,
    },
    Workload {
        name: "do_chat",
        title: "chat room of 200",
        worker: worker(include_str!("../../workers/do_chat.js"), 0),
        load: Load::Broadcast { message_bytes: 64 },
        connections: 200,
        request: Request::Get("/"),
        expect: "expected a WebSocket",
        goal_deno: None,
        goal_workerd: Some(2.0),
    },
];
