//! Debuggers: the Chrome DevTools protocol over real connections.

mod access;
mod breakpoints;
pub(crate) mod cdp;
mod console;
mod profiles;
mod replaced;
mod start;

use cdp::Debugger;

use crate::harness::{Response, TestServer};

/// Answers a sum; the lines are counted by tests.
const SUM: &str = "export default {
  async fetch(request) {
    const wanted = new URL(request.url).searchParams;
    const total = add(Number(wanted.get('a')), Number(wanted.get('b')));
    return new Response(`${total}`);
  },
};

function add(a, b) {
  const sum = a + b;
  return sum;
}
";

/// Where debuggers connect, as the server says in its log.
fn inspector_url(server: &TestServer) -> String {
    let line = server.logs.wait_text("debugger listening on ");
    let text = line["message"].as_str().expect("a text").to_owned();
    text.rsplit(' ').next().expect("a URL at the end").to_owned()
}

/// A debugger of the server's Worker.
fn debug(server: &TestServer) -> Debugger {
    Debugger::connect(&inspector_url(server))
}

/// A request on a thread of its own: it may meet a breakpoint.
fn request(server: &TestServer, path: &str) -> std::thread::JoinHandle<Response> {
    let mut client = server.connect();
    let path = path.to_owned();
    std::thread::spawn(move || client.get(&path))
}
