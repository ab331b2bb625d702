//! `cloudflare:sockets`: TCP connections of a Worker, to servers on this machine.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use crate::harness::{Setup, TestServer};

/// Gives each connection to `serve`, on a thread of its own. The threads end
/// with their connections, the first one with the process.
fn listen(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Sends back what comes, and `END` after the other side's end.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => {
                let _ = stream.write_all(b"END");
                return;
            }
            Ok(length) => {
                if stream.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Says `hi` and nothing more, but reads on.
fn greet(mut stream: TcpStream) {
    let _ = stream.write_all(b"hi");
    let _ = stream.shutdown(Shutdown::Write);
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// A Worker whose handler's body this is; `address` is that of the server.
fn source(address: SocketAddr, body: &str) -> String {
    format!(
        r#"
        import {{ connect }} from "cloudflare:sockets";
        const address = "{address}";
        const encode = (text) => new TextEncoder().encode(text);
        async function readAll(reader) {{
          let text = "";
          for (let next = await reader.read(); !next.done; next = await reader.read()) {{
            text += new TextDecoder().decode(next.value);
          }}
          return text;
        }}
        const settled = (promise) => promise.then((value) => value ?? "done", (error) => `${{error}}`);
        const soon = (promise) => Promise.race([settled(promise), scheduler.wait(100).then(() => "waits")]);
        export default {{ async fetch(request, env, ctx) {{ {body} }} }};
        "#
    )
}

fn worker(address: SocketAddr, body: &str) -> TestServer {
    Setup::new(&source(address, body)).start()
}

#[test]
fn bytes_go_both_ways() {
    let server = worker(
        listen(echo),
        r#"
        const socket = connect(address);
        const info = await socket.opened;
        const writer = socket.writable.getWriter();
        await writer.write(encode("hello "));
        await writer.write("text");
        await writer.close();
        const text = await readAll(socket.readable.getReader());
        return Response.json([
          Object.prototype.toString.call(socket), socket.secureTransport, socket.upgraded,
          info.remoteAddress === address, text, await settled(socket.closed),
        ]);
        "#,
    );
    assert_eq!(server.text("/"), r#"["[object Socket]","off",false,true,"hello textEND","done"]"#);
}

#[test]
fn addresses_may_be_objects_and_streams_may_be_piped() {
    let server = worker(
        listen(echo),
        r#"
        const [hostname, port] = address.split(":");
        const { readable, writable } = connect({ hostname, port: Number(port) });
        const sent = new Response("x".repeat(1000000)).body.pipeTo(writable);
        const text = await new Response(readable).text();
        await sent;
        return new Response(String(text.length));
        "#,
    );
    assert_eq!(server.text("/"), "1000003");
}

#[test]
fn the_end_of_the_other_side_closes_both() {
    let server = worker(
        listen(greet),
        r#"
        const result = [];
        for (const allowHalfOpen of [false, true]) {
          const socket = connect(address, { allowHalfOpen });
          result.push(await readAll(socket.readable.getReader()), await soon(socket.closed));
          const writer = socket.writable.getWriter();
          result.push(await settled(writer.write(encode("x"))));
          if (allowHalfOpen) {
            await writer.close();
            result.push(await soon(socket.closed));
          }
        }
        return Response.json(result);
        "#,
    );
    assert_eq!(
        server.text("/"),
        r#"["hi","done","TypeError: This WritableStream has been closed.","hi","waits","done","done"]"#
    );
}

#[test]
fn close_waits_for_what_was_written() {
    let server = worker(
        listen(echo),
        r#"
        const socket = connect(address);
        const writer = socket.writable.getWriter();
        writer.write(encode("bye"));
        const reader = socket.readable.getReader();
        const first = new TextDecoder().decode((await reader.read()).value);
        const waiting = settled(reader.read());
        await socket.close();
        await socket.close();
        return Response.json([first, await waiting, await settled(reader.read()), await settled(socket.closed)]);
        "#,
    );
    let closing = "TypeError: This ReadableStream belongs to an object that is closing.";
    assert_eq!(server.text("/"), format!(r#"["bye","{closing}","{closing}","done"]"#));
}

#[test]
fn what_cannot_be_connected_says_so_everywhere() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let server = worker(
        free,
        r#"
        const socket = connect(address);
        return Response.json([
          await settled(socket.opened),
          await settled(socket.closed),
          await settled(socket.readable.getReader().read()),
          await settled(socket.writable.getWriter().write(encode("x"))),
        ]);
        "#,
    );
    let text = "Error: proxy request failed, cannot connect to the specified address";
    assert_eq!(server.text("/"), format!(r#"["{text}","{text}","{text}","{text}"]"#));
}

#[test]
fn sockets_belong_to_their_request() {
    let server = worker(
        listen(echo),
        r#"
        if (request.url.endsWith("/open")) {
          globalThis.kept = connect(address);
          await kept.opened;
          globalThis.resume = null;
          const stop = new Promise((resolve) => globalThis.resume = resolve);
          ctx.waitUntil(scheduler.wait(200));
          return new Response("open");
        }
        return new Response(await settled(kept.writable.getWriter().write(encode("x"))));
        "#,
    );
    assert_eq!(server.text("/open"), "open");
    let text = server.text("/other");
    assert!(text.contains("Cannot perform I/O on behalf of a different request"), "{text}");
}

#[test]
fn sockets_end_with_their_request() {
    let (told, ended) = std::sync::mpsc::channel();
    let address = listen(move |mut stream: TcpStream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        let _ = told.send(());
    });
    let server = worker(
        address,
        r#"
        await connect(address).opened;
        return new Response("answered");
        "#,
    );
    assert_eq!(server.text("/"), "answered");
    ended.recv_timeout(crate::harness::PATIENCE).expect("the connection is closed");
}

#[test]
fn each_socket_is_a_subrequest() {
    let address = listen(echo);
    let server = Setup::new(&source(
        address,
        r#"
        const results = [];
        for (let i = 0; i < 4; i++) {
          const socket = connect(address);
          results.push((await settled(socket.opened)).remoteAddress === address);
          await socket.close();
        }
        return Response.json(results);
        "#,
    ))
    .limits(|limits| limits.subrequests = 3)
    .start();
    assert_eq!(server.text("/"), "[true,true,true,false]");
}

#[test]
fn private_addresses_are_out_of_bounds_in_production() {
    let address = listen(echo);
    let server = Setup::new(&source(
        address,
        "return new Response(await settled(connect(address).opened));",
    ))
    .production()
    .start();
    assert_eq!(
        server.text("/"),
        "TypeError: connect() to a private or reserved network address is not allowed"
    );
}
