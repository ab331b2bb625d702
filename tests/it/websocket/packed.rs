//! permessage-deflate (RFC 7692), byte by byte, and beside workerd.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use base64::Engine as _;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::json;
use sha1::Digest as _;

use super::ECHO;
use crate::harness::{Client, Response, Setup, Workerd};

const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
/// The frame begins a packed message.
const PACKED: u8 = 0x40;
const DEFLATE: &str = "permessage-deflate";
const EXTENSIONS: &str = "sec-websocket-extensions";

/// A client that packs what it sends.
pub(crate) struct PackedClient {
    client: Client,
    packer: Compress,
    unpacker: Decompress,
}

impl PackedClient {
    /// Opens a WebSocket, and expects that its messages may be packed.
    pub(crate) fn connect(address: SocketAddr, path: &str) -> Self {
        let (client, answer) = shake_hands(address, path, &[DEFLATE]);
        assert_eq!(answer.header(EXTENSIONS), Some(DEFLATE));
        Self { client, packer: packer(), unpacker: Decompress::new(false) }
    }

    /// Sends text; gives the length of what left.
    pub(crate) fn send(&mut self, text: &str) -> usize {
        let packed = pack(&mut self.packer, text.as_bytes());
        self.client.send(frame(TEXT | PACKED, &packed, true));
        packed.len()
    }

    /// The next text, and the length of what came.
    pub(crate) fn next(&mut self) -> (String, usize) {
        let (first, packed) = next_frame(&mut self.client);
        assert_eq!(first, TEXT | PACKED, "{packed:?}");
        let text = unpack(&mut self.unpacker, &packed);
        (String::from_utf8(text).expect("text"), packed.len())
    }
}

fn packer() -> Compress {
    Compress::new(Compression::default(), false)
}

fn pack(packer: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(message.len() + 1000);
    packer.compress_vec(message, &mut packed, FlushCompress::Sync).expect("it can be packed");
    assert!(packed.ends_with(&[0, 0, 0xff, 0xff]));
    packed.truncate(packed.len() - 4);
    packed
}

fn unpack(unpacker: &mut Decompress, packed: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(1 << 20);
    let packed = [packed, &[0, 0, 0xff, 0xff]].concat();
    unpacker.decompress_vec(&packed, &mut message, FlushDecompress::Sync).expect("it unpacks");
    message
}

fn shake_hands(address: SocketAddr, path: &str, offers: &[&str]) -> (Client, Response) {
    let mut client = Client::connect(address);
    let mut headers = vec![
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    headers.extend(offers.iter().map(|offer| (EXTENSIONS, *offer)));
    let answer = client.request("GET", path, &headers, b"");
    assert_eq!(answer.status, 101, "{answer:?}");
    (client, answer)
}

/// A frame, with a mask of zeros if it has one.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        0..=125 => frame.push(mask | payload.len() as u8),
        126..=0xffff => {
            frame.push(mask | 126);
            frame.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            frame.push(mask | 127);
            frame.extend((payload.len() as u64).to_be_bytes());
        }
    }
    if masked {
        frame.extend([0; 4]);
    }
    frame.extend_from_slice(payload);
    frame
}

fn next_frame(client: &mut Client) -> (u8, Vec<u8>) {
    let head = client.exactly(2);
    let length = match head[1] {
        126 => {
            let length = client.exactly(2);
            usize::from(u16::from_be_bytes([length[0], length[1]]))
        }
        length => usize::from(length),
    };
    (head[0], client.exactly(length))
}

/// Answers with the extensions that the query names, or leaves that to the runtime.
const ANSWERS: &str = r#"
export default {
  async fetch(request) {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", ({ data }) => server.send(data));
    const own = new URL(request.url).searchParams.get("own");
    const headers = own === null ? {} : { "sec-websocket-extensions": own };
    return new Response(null, { status: 101, webSocket: client, headers });
  },
};
"#;

/// What a server answers to offers.
fn answer(address: SocketAddr, own: Option<&str>, offers: &[&str]) -> Option<String> {
    let path = match own {
        Some(own) => format!("/?own={}", own.replace(' ', "%20").replace(';', "%3B")),
        None => "/".to_owned(),
    };
    let (_, answer) = shake_hands(address, &path, offers);
    let answers = answer.all(EXTENSIONS);
    assert!(answers.len() <= 1, "{answers:?}");
    answers.first().map(ToString::to_string)
}

#[test]
fn handshakes_agree_on_what_workerd_agrees_on() {
    let server = Setup::new(ANSWERS).start();
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let workerd = Workerd::of_worker(folder.path(), ANSWERS);
    let none = None;
    for (own, offers, expected) in [
        (none, &[][..], none),
        (none, &["permessage-deflate"], Some("permessage-deflate")),
        (
            none,
            &["permessage-deflate; client_max_window_bits"],
            Some("permessage-deflate; client_max_window_bits=15"),
        ),
        (none, &["x-foo", "permessage-deflate"], Some("permessage-deflate")),
        (none, &["permessage-deflate; foo, permessage-deflate"], Some("permessage-deflate")),
        (none, &["permessage-deflate; server_max_window_bits=16"], none),
        (
            none,
            &["permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
            Some("permessage-deflate; client_no_context_takeover; server_no_context_takeover"),
        ),
        (Some("permessage-deflate"), &["permessage-deflate; server_max_window_bits=9"], none),
        (
            Some("permessage-deflate; server_max_window_bits=12"),
            &["permessage-deflate; server_max_window_bits=9"],
            Some("permessage-deflate; server_max_window_bits=9"),
        ),
        (Some("permessage-deflate"), &[], none),
        (Some("x-foo"), &["permessage-deflate"], none),
    ] {
        let ours = answer(server.address, own, offers);
        assert_eq!(ours.as_deref(), expected, "{own:?} {offers:?}");
        if let Some(workerd) = &workerd {
            assert_eq!(answer(workerd.address, own, offers), ours, "{own:?} {offers:?}");
        }
    }
}

#[test]
fn messages_travel_packed_and_refer_to_those_before() {
    let server = Setup::new(ECHO).start();
    let mut client = PackedClient::connect(server.address, "/");
    let text = r#"{"kind":"position","x":17,"y":4,"name":"somebody with a name"}"#;
    let first = client.send(text);
    assert_eq!(client.next().0, text);
    let second = client.send(text);
    let (again, length) = client.next();
    assert_eq!(again, text);
    assert!(second < first && length < 12, "{first} {second} {length}");
    // It lies as it is, when it has no content.
    client.client.send(frame(TEXT, b"", true));
    assert_eq!(next_frame(&mut client.client), (TEXT, vec![]));
}

#[test]
fn a_flag_turns_it_off() {
    for flag in [Some("no_web_socket_compression"), None] {
        let setup = Setup::new(ECHO);
        let server = match flag {
            Some(flag) => setup.flag(flag).start(),
            // Before the date.
            None => setup.edit(|it| it.compatibility.date = "2023-08-14".into()).start(),
        };
        let (mut client, answer) = shake_hands(server.address, "/", &[DEFLATE]);
        assert_eq!(answer.header(EXTENSIONS), None);
        client.send(frame(TEXT | PACKED, &[0], true));
        let (first, reason) = next_frame(&mut client);
        assert_eq!((first, &reason[..2]), (CLOSE, &1002_u16.to_be_bytes()[..]));
    }
}

#[test]
fn a_bomb_ends_its_socket() {
    let server = Setup::new(ECHO).start();
    let mut client = PackedClient::connect(server.address, "/");
    let mut bomb = vec![];
    for _ in 0..40 {
        bomb.extend(pack(&mut client.packer, &vec![0; 1 << 20]));
        bomb.extend([0, 0, 0xff, 0xff]);
    }
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    client.client.send(frame(TEXT | PACKED, &bomb, true));
    let (first, reason) = next_frame(&mut client.client);
    assert_eq!((first, &reason[..2]), (CLOSE, &1009_u16.to_be_bytes()[..]));
    assert_eq!(&reason[2..], b"Message is too large");
    // Others are served as before.
    let mut other = PackedClient::connect(server.address, "/");
    other.send("alive");
    assert_eq!(other.next().0, "alive");
}

#[test]
fn a_worker_between_passes_on_what_was_agreed() {
    let origin = Setup::new(ECHO).start();
    let source = format!(
        r#"export default {{ fetch: (request) => fetch("{}", request) }}"#,
        origin.url("/")
    );
    let server = Setup::new(&source).start();
    let mut client = PackedClient::connect(server.address, "/");
    for text in ["through two", "through two", "and back"] {
        client.send(text);
        assert_eq!(client.next().0, text);
    }
}

/// Connects to where the query says, and tells what it saw.
const CONNECTS: &str = r#"
export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    const to = `127.0.0.1:${query.get("port")}/`;
    let socket;
    if (query.has("offers")) {
      const headers = { upgrade: "websocket", "sec-websocket-extensions": query.get("offers") };
      const response = await fetch(`http://${to}`, { headers });
      if (response.webSocket === null) return Response.json("refused");
      socket = response.webSocket;
      socket.accept();
    } else {
      socket = new WebSocket(`ws://${to}`);
      await new Promise((resolve) => {
        socket.addEventListener("open", resolve);
        socket.addEventListener("error", resolve);
      });
      if (socket.readyState !== WebSocket.OPEN) return Response.json("refused");
    }
    const next = () => new Promise((resolve) => {
      socket.addEventListener("message", (event) => resolve(event.data), { once: true });
    });
    const seen = [];
    for (const text of ["same text", "same text"]) {
      const answer = next();
      socket.send(text);
      seen.push(await answer);
    }
    socket.close(1000, "");
    return Response.json([socket.extensions, ...seen]);
  },
};
"#;

/// The answer to a handshake's key (RFC 6455, 4.2.2).
fn accept_key(key: &str) -> String {
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::engine::general_purpose::STANDARD.encode(sha1::Sha1::digest(text))
}

/// What an origin saw: what was offered, and the first byte of each frame.
type Seen = (Vec<String>, Vec<u8>);

/// Takes one connection, answers its handshake so, and echoes two messages.
fn origin(answer: &'static str) -> (u16, std::thread::JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text");
        let value = |line: &str, name: &str| {
            let (it, value) = line.split_once(": ")?;
            it.eq_ignore_ascii_case(name).then(|| value.to_owned())
        };
        let all = |name: &str| head.lines().filter_map(|line| value(line, name)).collect();
        let offers: Vec<String> = all(EXTENSIONS);
        let keys: Vec<String> = all("sec-websocket-key");
        let accept = accept_key(&keys[0]);
        let extensions = if answer.is_empty() {
            String::new()
        } else {
            format!("sec-websocket-extensions: {answer}\r\n")
        };
        let text = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {accept}\r\n{extensions}\r\n"
        );
        stream.write_all(text.as_bytes()).expect("it is taken");
        let mut firsts = Vec::new();
        let (mut packer, mut unpacker) = (packer(), Decompress::new(false));
        for _ in 0..2 {
            let mut head = [0; 6];
            if stream.read_exact(&mut head).is_err() {
                break;
            }
            let mut payload = vec![0; usize::from(head[1] & 0x7f)];
            stream.read_exact(&mut payload).expect("a payload");
            let unmasked = payload.iter().zip(head[2..].iter().cycle()).map(|(a, b)| a ^ b);
            let mut payload: Vec<u8> = unmasked.collect();
            firsts.push(head[0]);
            if head[0] & PACKED != 0 {
                let message = unpack(&mut unpacker, &payload);
                payload = pack(&mut packer, &message);
            }
            stream.write_all(&frame(head[0], &payload, false)).expect("it is taken");
        }
        // What is left belongs to the closing handshake.
        let _ = stream.write_all(&frame(CLOSE, &[], false));
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        (offers, firsts)
    });
    (port, thread)
}

#[test]
fn a_worker_that_connects_packs_what_its_origin_agreed_to() {
    let server = Setup::new(CONNECTS).start();
    let packed = [TEXT | PACKED; 2];
    let bits = "permessage-deflate; client_max_window_bits=10";
    for (offers, offered, agreed, firsts) in [
        ("", &[DEFLATE][..], DEFLATE, packed),
        ("", &[DEFLATE], bits, packed),
        ("", &[DEFLATE], "", [TEXT; 2]),
        ("&offers=", &[], "", [TEXT; 2]),
        ("&offers=permessage-deflate", &[DEFLATE], DEFLATE, packed),
        (
            "&offers=permessage-deflate%3B%20client_max_window_bits",
            &["permessage-deflate; client_max_window_bits=15"],
            bits,
            packed,
        ),
    ] {
        let (port, origin) = origin(agreed);
        let seen = server.get(&format!("/?port={port}{offers}")).json();
        // Only a socket that was made by its constructor tells.
        let extensions = if offers.is_empty() { agreed } else { "" };
        assert_eq!(seen, json!([extensions, "same text", "same text"]), "{offers} {agreed}");
        let (of_worker, first_bytes) = origin.join().expect("the origin is fine");
        assert_eq!(of_worker, offered);
        assert_eq!(first_bytes, firsts);
    }
}

#[test]
fn an_answer_that_was_not_asked_for_is_refused() {
    let server = Setup::new(CONNECTS).start();
    for (offers, answer) in [("", "x-foo"), ("", "permessage-deflate; foo")] {
        let (port, origin) = origin(answer);
        assert_eq!(server.get(&format!("/?port={port}{offers}")).json(), json!("refused"));
        assert!(origin.join().expect("the origin is fine").1.is_empty());
    }
    let old = Setup::new(CONNECTS).flag("no_web_socket_compression").start();
    let (port, origin) = origin(DEFLATE);
    assert_eq!(old.get(&format!("/?port={port}")).json(), json!("refused"));
    assert!(origin.join().expect("the origin is fine").0.is_empty(), "nothing is offered");
}

#[test]
fn workerd_understands_what_is_packed() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let Some(workerd) = Workerd::of_worker(folder.path(), CONNECTS) else { return };
    let echo = Setup::new(ECHO).start();
    let seen = Client::connect(workerd.address).get(&format!("/?port={}", echo.address.port()));
    assert_eq!(seen.json(), json!([DEFLATE, "same text", "same text"]));
    let other = tempfile::TempDir::new().expect("a temporary folder");
    let Some(echo) = Workerd::of_worker(other.path(), ECHO) else { return };
    let server = Setup::new(CONNECTS).start();
    let seen = server.get(&format!("/?port={}", echo.address.port()));
    assert_eq!(seen.json(), json!([DEFLATE, "same text", "same text"]));
}
