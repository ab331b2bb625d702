//! A debugger: commands, responses and events of the DevTools protocol.

use std::collections::VecDeque;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::Client;

/// One session. What comes is read when somebody waits for it.
pub(crate) struct Debugger {
    socket: Client,
    last_id: u64,
    events: VecDeque<Value>,
}

/// `ws://HOST:PORT/PATH` taken apart.
pub(super) fn parts(url: &str) -> (SocketAddr, String) {
    let rest = url.strip_prefix("ws://").expect("a WebSocket URL");
    let (authority, path) = rest.split_once('/').expect("it has a path");
    (authority.parse().expect("an address"), format!("/{path}"))
}

/// The handshake, and the server's answer to it.
pub(super) fn handshake(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> u16 {
    let mut head = format!(
        "GET {path} HTTP/1.1\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    client.send(format!("{head}\r\n"));
    client.response().status
}

impl Debugger {
    /// Connects; the server must take it.
    pub(crate) fn connect(url: &str) -> Self {
        let (address, path) = parts(url);
        let mut socket = Client::connect(address);
        let status = handshake(&mut socket, &path, &[("host", &address.to_string())]);
        assert_eq!(status, 101);
        Self { socket, last_id: 0, events: VecDeque::new() }
    }

    /// Sends a command and does not wait; gives its id.
    pub(super) fn send(&mut self, method: &str, params: Value) -> u64 {
        self.last_id += 1;
        let message = json!({ "id": self.last_id, "method": method, "params": params });
        let payload = message.to_string().into_bytes();
        let mut frame = vec![0x81];
        match payload.len() {
            short if short < 126 => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        // A mask of zeros.
        frame.extend([0; 4]);
        frame.extend(payload);
        self.socket.send(frame);
        self.last_id
    }

    /// The result of a command.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        let response = self.response(id);
        assert!(response["error"].is_null(), "{method}: {response}");
        response["result"].clone()
    }

    /// The response to a command that was sent.
    pub(super) fn response(&mut self, id: u64) -> Value {
        loop {
            let message = self.next().expect("the session goes on");
            if message["id"] == id {
                return message;
            }
            assert!(message["id"].is_null(), "nobody asked for this: {message}");
            self.events.push_back(message);
        }
    }

    /// Switches domains on.
    pub(super) fn enable(&mut self, domains: &[&str]) {
        for domain in domains {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// The parameters of the next event of this name.
    pub(super) fn event(&mut self, method: &str) -> Value {
        self.event_that(method, |_| true)
    }

    /// The parameters of the next such event.
    pub(super) fn event_that(&mut self, method: &str, is: impl Fn(&Value) -> bool) -> Value {
        let fits = |message: &Value| message["method"] == method && is(&message["params"]);
        if let Some(at) = self.events.iter().position(&fits) {
            return self.events.remove(at).expect("it is there")["params"].take();
        }
        loop {
            let mut message = self.next().unwrap_or_else(|| panic!("no {method}: the end"));
            if fits(&message) {
                return message["params"].take();
            }
            self.events.push_back(message);
        }
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", params);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// The same; `None` while the page is on its way to another one.
    pub(crate) fn evaluate_if_there(&mut self, expression: &str) -> Option<Value> {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let id = self.send("Runtime.evaluate", params);
        let response = self.response(id);
        if response["error"]["code"] == -32000 {
            return None;
        }
        assert!(response["error"].is_null(), "{expression}: {response}");
        let result = &response["result"];
        assert!(result["exceptionDetails"].is_null(), "{expression}: {result}");
        Some(result["result"]["value"].clone())
    }

    /// The value of an expression in the frame on top.
    pub(super) fn evaluate_in(&mut self, paused: &Value, expression: &str) -> Value {
        let frame = &paused["callFrames"][0]["callFrameId"];
        let params =
            json!({ "callFrameId": frame, "expression": expression, "returnByValue": true });
        self.call("Debugger.evaluateOnCallFrame", params)["result"]["value"].clone()
    }

    /// Sets a breakpoint in the script whose URL ends so; lines begin with 0.
    pub(super) fn break_at(&mut self, file: &str, line: u32) -> String {
        let set = self.call(
            "Debugger.setBreakpointByUrl",
            json!({ "urlRegex": format!("{}$", file.replace('.', "\\.")), "lineNumber": line }),
        );
        set["breakpointId"].as_str().expect("an id").to_owned()
    }

    /// The next message; `None`: the server closed the session.
    pub(super) fn next(&mut self) -> Option<Value> {
        match self.frame() {
            (0x81, payload) => Some(serde_json::from_slice(&payload).expect("JSON")),
            (0x88, _) => None,
            (opcode, _) => panic!("an unexpected frame: {opcode:#x}"),
        }
    }

    /// All that comes before the session's close frame, and its code.
    pub(super) fn end(&mut self) -> (Vec<Value>, u16) {
        let mut messages: Vec<Value> = self.events.drain(..).collect();
        loop {
            match self.frame() {
                (0x81, payload) => messages.push(serde_json::from_slice(&payload).expect("JSON")),
                (0x88, payload) => {
                    return (messages, u16::from_be_bytes([payload[0], payload[1]]));
                }
                (opcode, _) => panic!("an unexpected frame: {opcode:#x}"),
            }
        }
    }

    fn frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.socket.exactly(2);
        let length = match head[1] {
            126 => {
                let bytes = self.socket.exactly(2);
                u64::from(u16::from_be_bytes([bytes[0], bytes[1]]))
            }
            127 => u64::from_be_bytes(self.socket.exactly(8).try_into().expect("eight bytes")),
            short => u64::from(short),
        };
        (head[0], self.socket.exactly(usize::try_from(length).expect("it fits")))
    }
}
