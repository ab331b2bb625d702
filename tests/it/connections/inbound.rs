//! TCP connections of clients: in `run`, in `dev`, and on a server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use selvedge_server::host::settings::{Settings, TcpSettings};
use tempfile::TempDir;

use crate::dev::Dev;
use crate::harness::{PATIENCE, Program, eventually};
use crate::serve::server::{Serve, Setup};

/// What the client sends first says what the handler does.
const WORKER: &str = r#"
const encode = (text) => new TextEncoder().encode(text);
export default {
  async connect(socket, env, ctx) {
    const { remoteAddress, localAddress } = await socket.opened;
    const reader = socket.readable.getReader();
    const writer = socket.writable.getWriter();
    const { value, done } = await reader.read();
    if (done) return;
    const [what] = new TextDecoder().decode(value).split("\n");
    switch (what) {
      case "who": return writer.write(encode(`${remoteAddress} at ${localAddress}, ${socket.secureTransport}`));
      case "throw": throw new Error("on purpose");
      case "throw later":
        await writer.write(encode("one"));
        throw new Error("on purpose");
      case "return":
        writer.write(encode("not waited for"));
        return;
      case "memory": {
        const kept = [];
        for (;;) kept.push(new Array(100_000).fill(kept.length));
      }
      case "fill": {
        const chunk = new Uint8Array(65536);
        for (;;) await writer.write(chunk);
      }
      case "count": {
        let bytes = 0;
        for (let next = await reader.read(); !next.done; next = await reader.read()) bytes += next.value.byteLength;
        return writer.write(encode(`${bytes}`));
      }
      case "lost":
        await writer.write(encode("something"));
        try { while (!(await reader.read()).done); console.log("it ended"); }
        catch (error) { console.log(`lost: ${error}`); }
        return;
    }
    await writer.write(encode("ready"));
    writer.releaseLock();
    reader.releaseLock();
    await socket.readable.pipeTo(socket.writable);
  },
  fetch() { return new Response("still there"); },
};
"#;

/// A port that nobody has right now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn config(name: &str, port: u16) -> String {
    format!(
        "name = \"{name}\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\n\
         [[connect]]\nprotocol = \"tcp\"\nport = {port}\n"
    )
}

/// A client that never waits for ever.
fn client(address: SocketAddr) -> TcpStream {
    let stream = eventually("it listens", || TcpStream::connect(address).ok());
    stream.set_read_timeout(Some(PATIENCE)).expect("it can be set");
    stream.set_write_timeout(Some(PATIENCE)).expect("it can be set");
    stream
}

/// What comes after this was sent, to the end.
fn ask(address: SocketAddr, question: &str) -> std::io::Result<String> {
    let mut stream = client(address);
    stream.write_all(question.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A Worker that runs, and where it takes connections.
struct Running {
    program: Program,
    address: SocketAddr,
    _folder: TempDir,
}

fn run(args: &[&str]) -> Running {
    let folder = TempDir::new().expect("a temporary folder");
    let port = free_port();
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
    std::fs::write(folder.path().join("wrangler.toml"), config("tcp", port)).expect("the same");
    let args: Vec<&str> = ["run", "--port", "0"].iter().chain(args).copied().collect();
    let mut program = Program::selvedge(folder.path(), &args);
    program.address();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Running { program, address, _folder: folder }
}

#[test]
fn a_client_reaches_the_handler() {
    let running = run(&[]);
    let address = running.address;
    let stdout = running.program.stdout.text();
    assert!(stdout.contains(&format!("tcp is ready on tcp://{address}")), "{stdout}");
    let who = ask(address, "who\n").expect("it answers");
    assert!(who.starts_with("127.0.0.1:"), "{who}");
    assert!(who.ends_with(&format!(" at {address}, off")), "{who}");
    let mut echo = client(address);
    echo.write_all(b"begin\n").expect("it is open");
    // What comes with the first read is the handler's.
    let mut ready = [0; 5];
    echo.read_exact(&mut ready).expect("it is ready");
    echo.write_all(b"and back").expect("it is open");
    echo.shutdown(Shutdown::Write).expect("it is open");
    let mut rest = String::new();
    echo.read_to_string(&mut rest).expect("the other direction ends, too");
    assert_eq!(rest, "and back");
}

#[test]
fn the_end_of_a_handler_is_the_end_of_its_connection() {
    let running = run(&[]);
    let address = running.address;
    assert_eq!(ask(address, "throw\n").expect("an end"), "");
    assert_eq!(ask(address, "throw later\n").expect("an end"), "one");
    assert_eq!(ask(address, "return\n").expect("an end"), "not waited for");
    let told = || running.program.stderr.text().matches("Uncaught Error: on purpose").count();
    eventually("both exceptions are told", || (told() == 2).then_some(()));
    eventually("the log tells of connections", || {
        let stdout = running.program.stdout.text();
        (stdout.contains("outcome=exception") && stdout.contains("outcome=ok")).then_some(())
    });
    let error = ask(address, "memory\n").expect_err("the isolate is gone");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(ask(address, "who\n").expect("another one answers").contains(" at "));
}

#[test]
fn a_client_that_breaks_off_is_an_error_of_the_handler() {
    let running = run(&[]);
    let mut stream = client(running.address);
    stream.write_all(b"lost\n").expect("it is open");
    // Who closes a socket with something unread in it breaks the connection.
    stream.peek(&mut [0]).expect("something is there to read");
    drop(stream);
    eventually("the handler is told", || {
        running
            .program
            .stdout
            .text()
            .contains("lost: Error: Network connection lost.")
            .then_some(())
    });
}

/// 256 MiB in, and a client that never reads.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_held_for_who_is_slow() {
    let running = run(&[]);
    let before = crate::harness::rss(running.program.id());
    let mut fill = client(running.address);
    fill.write_all(b"fill\n").expect("it is open");
    let mut count = client(running.address);
    count.write_all(b"count\n").expect("it is open");
    std::thread::sleep(std::time::Duration::from_millis(50));
    let chunk = vec![0; 1 << 20];
    for _ in 0..256 {
        count.write_all(&chunk).expect("it is taken");
    }
    count.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = String::new();
    count.read_to_string(&mut answer).expect("it answers");
    let bytes: u64 = answer.parse().expect("a number");
    assert!(bytes <= 256 << 20 && bytes > 255 << 20, "{bytes}");
    let after = crate::harness::rss(running.program.id());
    assert!(after < before + 96 * 1024 * 1024, "{before} {after}");
}

#[test]
fn many_short_connections_leave_nothing_behind() {
    let running = run(&[]);
    let files = || {
        let all = std::fs::read_dir(format!("/proc/{}/fd", running.program.id()));
        all.map_or(0, Iterator::count)
    };
    ask(running.address, "who\n").expect("it answers");
    let before = files();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let address = running.address;
            std::thread::spawn(move || {
                for _ in 0..250 {
                    assert!(ask(address, "who\n").expect("it answers").contains(" at "));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("all answered");
    }
    eventually("all are closed", || (files() <= before + 8).then_some(()));
}

#[test]
fn where_it_cannot_listen_run_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let folder = TempDir::new().expect("a temporary folder");
    let fails = |config: &str| {
        std::fs::write(folder.path().join("worker.js"), WORKER).expect("it can be written");
        std::fs::write(folder.path().join("wrangler.toml"), config).expect("the same");
        let ended = Program::selvedge(folder.path(), &["run", "--port", "0"]).wait();
        assert!(!ended.status.success());
        ended.stderr
    };
    let text = fails(&config("tcp", port));
    assert!(
        text.contains(&format!("cannot listen on 127.0.0.1:{port}: the port is in use")),
        "{text}"
    );
    assert!(text.contains("choose another port in `connect`"), "{text}");
    let other = |from: &str, to: &str| config("tcp", 7000).replace(from, to);
    let text = fails(&other("7000", "70000"));
    assert!(
        text.contains("the \"port\" is a whole number between 1 and 65535, not 70000"),
        "{text}"
    );
    let text = fails(&other("\"tcp\"\nport", "\"udp\"\nport"));
    assert!(text.contains("the \"protocol\" is \"tcp\", and not \"udp\""), "{text}");
    let text = fails(&format!("{}address = \"example.com\"\n", config("tcp", 7000)));
    assert!(text.contains("the \"address\" is an IP address of this machine"), "{text}");
    let twice = format!("{}[[connect]]\nprotocol = \"tcp\"\nport = 7000\n", config("tcp", 7000));
    let text = fails(&twice);
    assert!(text.contains("the port 7000 is that of `connect[0]` already"), "{text}");
}

#[test]
fn dev_follows_the_configuration() {
    let (one, two) = (free_port(), free_port());
    let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
    let other = "export default { async connect(socket) {\n\
        const writer = socket.writable.getWriter();\n\
        await writer.write(new TextEncoder().encode(TEXT));\n\
        } };";
    let other = |text: &str| other.replace("TEXT", &format!("{text:?}"));
    let dev = Dev::start(
        &[
            ("web/worker.js", WORKER),
            ("web/wrangler.toml", &config("web", one)),
            ("other/worker.js", &other("first")),
            ("other/wrangler.toml", &config("other", two)),
        ],
        &["-c", "web/wrangler.toml", "-c", "other/wrangler.toml"],
    );
    assert!(ask(at(one), "who\n").expect("it answers").contains(" at "));
    assert_eq!(ask(at(two), "").expect("it answers"), "first");
    dev.write("other/worker.js", &other("second"));
    eventually("the new code answers", || {
        ask(at(two), "").is_ok_and(|text| text == "second").then_some(())
    });
    // A port that the other Worker has is refused, and given back when that leaves it.
    dev.write("other/wrangler.toml", &config("other", one));
    eventually("it is told", || {
        dev.log().contains("the Worker \"web\" listens there").then_some(())
    });
    eventually("its own port is closed", || TcpStream::connect(at(two)).is_err().then_some(()));
    assert!(ask(at(one), "who\n").expect("it answers").contains(" at "));
    dev.write("other/wrangler.toml", &config("other", two));
    assert_eq!(ask(at(two), "").expect("it answers"), "second");
}

/// A server whose first account's Worker `tcp` takes connections.
fn serve(edit: impl FnOnce(&mut TcpSettings)) -> (Serve, SocketAddr) {
    serve_with(|_| {}, edit)
}

fn serve_with(
    edit_all: impl FnOnce(&mut Settings),
    edit: impl FnOnce(&mut TcpSettings),
) -> (Serve, SocketAddr) {
    let first = Setup::new().start();
    let account = first.account.to_string();
    let mut settings = TcpSettings {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        account,
        worker: "tcp".to_owned(),
        connections: 100,
        idle_seconds: 300,
    };
    edit(&mut settings);
    let serve = first.stop().edit(|all| all.tcp.push(settings)).edit(edit_all).start();
    let said = "tcp://127.0.0.1:";
    let text = eventually("it tells where it listens", || {
        serve.logs.text().rsplit_once(said).map(|(_, rest)| rest.to_owned())
    });
    let port: String = text.chars().take_while(char::is_ascii_digit).collect();
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().expect("a port")));
    (serve, address)
}

#[test]
fn a_server_takes_connections_for_a_worker_that_is_deployed() {
    let (serve, address) = serve(|_| {});
    serve.logs.wait_text("its TCP connections are refused");
    assert!(ask(address, "who\n").is_err(), "nobody is there yet");
    serve.deploy("tcp", WORKER);
    let who = ask(address, "who\n").expect("it answers");
    assert!(who.ends_with(&format!(" at {address}, off")), "{who}");
    assert_eq!(ask(address, "throw later\n").expect("an end"), "one");
    serve.deploy(
        "tcp",
        &WORKER.replace("still there", "anew").replace("secureTransport}", "upgraded}"),
    );
    let who = ask(address, "who\n").expect("it answers");
    assert!(who.ends_with(", false"), "{who}");
    serve.deploy("tcp", "export default { fetch: () => new Response('no handler') };");
    let error = ask(address, "who\n").expect_err("no handler takes it");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(serve.ask("tcp", "/").text(), "no handler");
}

#[test]
fn a_server_bounds_connections_and_cuts_idle_ones() {
    let (serve, address) = serve(|settings| {
        settings.connections = 1;
        settings.idle_seconds = 1;
    });
    serve.deploy("tcp", WORKER);
    let mut first = client(address);
    first.write_all(b"echo\n").expect("it is open");
    first.read_exact(&mut [0; 5]).expect("it is ready");
    // The second one is taken when the first is cut.
    assert!(ask(address, "who\n").expect("it answers in the end").contains(" at "));
    let cut = first.read(&mut [0; 8]).expect_err("it was idle");
    assert_eq!(cut.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn limits_of_requests_hold_for_connections() {
    let (serve, address) = serve_with(|all| all.limits.concurrent_requests = 1, |_| {});
    serve.deploy("tcp", WORKER);
    let mut first = client(address);
    first.write_all(b"echo\n").expect("it is open");
    eventually("the next one is refused", || ask(address, "who\n").is_err().then_some(()));
    drop(first);
    eventually("there is room again", || ask(address, "who\n").ok());
}

#[test]
fn connections_end_before_a_server_stops() {
    let (mut serve, address) = serve(|_| {});
    serve.deploy("tcp", WORKER);
    let mut open = client(address);
    open.write_all(b"count\n").expect("it is open");
    // Its handler runs.
    eventually("it is taken", || open.write_all(b"x").ok());
    assert!(ask(address, "who\n").expect("it answers").contains(" at "));
    serve.begin_stop();
    eventually("nobody is taken any more", || TcpStream::connect(address).is_err().then_some(()));
    open.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = String::new();
    open.read_to_string(&mut answer).expect("its handler may end");
    assert!(!answer.is_empty());
}

#[test]
fn what_a_listener_cannot_be_is_said() {
    let parse = |text: &str| Settings::parse(&format!("[[tcp]]\nlisten = \"127.0.0.1:9\"\n{text}"));
    let fails = |text: &str| parse(text).expect_err("it cannot be");
    let account = "account = \"0123456789abcdef0123456789abcdef\"\n";
    assert!(fails("account = \"ada\"\nworker = \"x\"").contains("tcp.account"));
    assert!(fails(&format!("{account}worker = \"No Name\"")).contains("tcp.worker"));
    assert!(
        fails(&format!("{account}worker = \"x\"\nconnections = 0")).contains("tcp.connections")
    );
    assert!(fails(account).contains("missing field `worker`"));
    let twice = format!(
        "{account}worker = \"x\"\n[[tcp]]\nlisten = \"127.0.0.1:9\"\n{account}worker = \"y\""
    );
    assert!(fails(&twice).contains("tcp.listen: 127.0.0.1:9 is there twice"));
    assert!(parse(&format!("{account}worker = \"x\"")).is_ok());
}
