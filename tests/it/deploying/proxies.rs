//! The configurations of deploy/ with the real nginx and HAProxy before a server.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use super::{Served, borrowed};
use crate::harness::{Client, Program, checkout, eventually};
use crate::websocket::client::{Client as Socket, text};

/// Tells what it sees of a request, and sends WebSocket messages back.
const CODE: &str = "export default { async fetch(request) { \
    if (request.headers.get('upgrade') === 'websocket') { \
      const [client, server] = Object.values(new WebSocketPair()); \
      server.accept(); \
      server.addEventListener('message', (event) => server.send('you said ' + event.data)); \
      return new Response(null, { status: 101, webSocket: client }); \
    } \
    const length = (await request.arrayBuffer()).byteLength; \
    return Response.json({ url: request.url, ip: request.headers.get('cf-connecting-ip'), length }); } };";

const CONFIG: &str =
    "name = \"behind\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n";

fn deployed(proxy_protocol: bool) -> Served {
    let settings =
        format!("[proxies]\ntrusted = [\"127.0.0.0/8\"]\nproxy_protocol = {proxy_protocol}\n");
    let served = Served::start_with(&settings);
    if !proxy_protocol {
        served.deploy(&[("worker.js", CODE), ("wrangler.toml", CONFIG)]);
        return served;
    }
    let files = [("worker.js", CODE.to_owned()), ("wrangler.toml", CONFIG.to_owned())];
    served.deploy(&borrowed(&files));
    served
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn program(name: &str) -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    folders.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: there is no {name}");
    }
    found
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn shipped(name: &str) -> String {
    let path = checkout("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Replaces what must be there.
#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "the configuration has no {from}");
    text.replace(from, to)
}

#[test]
fn nginx_as_it_is_shipped_works() {
    let Some(nginx) = program("nginx") else { return };
    let served = deployed(false);
    let folder = served.folder.path();
    let port = free_port();
    let text = shipped("nginx.conf");
    let text = replaced(&text, "server selvedge:8080", &format!("server {}", served.address));
    let text = replaced(&text, "listen 80;", &format!("listen 127.0.0.1:{port};"));
    let text = replaced(&text, "/tmp/selvedge-nginx", &folder.join("nginx").display().to_string());
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).expect("it can be written");
    let mut command = Command::new(nginx);
    command.arg("-p").arg(folder).arg("-c").arg(&file).args(["-g", "daemon off;"]);
    let mut program = Program::start(command, folder);
    check(&mut program, SocketAddr::from(([127, 0, 0, 1], port)), &served);
}

#[test]
fn haproxy_as_it_is_shipped_works() {
    let Some(haproxy) = program("haproxy") else { return };
    let served = deployed(true);
    let folder = served.folder.path();
    let port = free_port();
    let text = shipped("haproxy.cfg");
    let text = replaced(&text, "selvedge:8080", &served.address.to_string());
    let text = replaced(&text, "bind :80\n", &format!("bind 127.0.0.1:{port}\n"));
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text).expect("it can be written");
    let mut command = Command::new(haproxy);
    command.arg("-db").arg("-f").arg(&file);
    let mut program = Program::start(command, folder);
    check(&mut program, SocketAddr::from(([127, 0, 0, 1], port)), &served);
}

/// Requests, bodies, addresses, hosts and WebSockets through the proxy.
fn check(program: &mut Program, address: SocketAddr, served: &Served) {
    let host = served.host("behind");
    eventually("the proxy lets requests through", || {
        let ended = program.ended();
        assert!(ended.is_none(), "{ended:?}: {}{}", program.stdout.text(), program.stderr.text());
        let stream = std::net::TcpStream::connect(address).ok()?;
        drop(stream);
        let response = Client::connect(address).request("GET", "/", &[("host", &host)], b"");
        (response.status == 200).then_some(())
    });
    let mut client = Client::connect(address);
    // A client's own word for who it is counts for nothing.
    let headers = [("host", host.as_str()), ("x-forwarded-for", "203.0.113.9")];
    let seen = client.request("GET", "/path?a=1", &headers, b"").json();
    assert_eq!(seen["ip"], "127.0.0.1");
    assert_eq!(seen["url"], format!("http://{host}/path?a=1"));
    // A connection that stays takes further requests, large ones and for others.
    let body = vec![b'x'; 3 * 1024 * 1024];
    let seen = client.request("POST", "/", &[("host", &host)], &body).json();
    assert_eq!(seen["length"], body.len());
    let unknown = client.request("GET", "/", &[("host", "nobody.example.org")], b"");
    assert_eq!(unknown.status, 404);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop can be made");
    runtime.block_on(async {
        let (mut socket, _) = Socket::connect_with(address, "/", &[("host", &host)]).await;
        for word in ["hello", "again"] {
            socket.text(word).await;
            assert_eq!(socket.next().await, text(&format!("you said {word}")));
        }
    });
}
