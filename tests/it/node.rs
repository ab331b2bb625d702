//! Modules of Node.js that reach out: `node:http` as a client, `node:net`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::harness::Setup;

#[test]
fn requests_of_http_go_out_and_come_back() {
    let origin = Setup::new(
        r#"export default { async fetch(request) {
          const url = new URL(request.url);
          return new Response(`${request.method} ${url.search} ${await request.text()} ${request.headers.get("x-a")}`, {
            status: 201,
            headers: [["x-b", "2"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]],
          });
        } };"#,
    )
    .start();
    let server = Setup::new(
        r#"import http from "node:http";
        export default { async fetch(request) {
          const url = new URL(request.url).searchParams.get("url");
          const got = await new Promise((resolve, reject) => {
            const made = http.request(`${url}?q=1`, { method: "POST", headers: { "x-a": "1" } }, (message) => {
              let body = "";
              message.on("data", (chunk) => body += chunk);
              message.on("end", () => resolve([message.statusCode, body, message.headers["x-b"], message.headers["set-cookie"]]));
            });
            made.on("error", reject);
            made.write("bo");
            made.end("dy");
          });
          const refused = [];
          const lost = http.get("http://127.0.0.1:1/");
          lost.on("error", (error) => refused.push(error.code)).on("close", () => refused.push("closed"));
          while (refused.at(-1) !== "closed") await scheduler.wait(1);
          await scheduler.wait(5);
          return Response.json([...got, refused]);
        } };"#,
    )
    .start();
    let answer = server.get(&format!("/?url={}", origin.url("/"))).json();
    let expected =
        serde_json::json!([201, "POST ?q=1 body 1", "2", ["a=1", "b=2"], ["ECONNRESET", "closed"]]);
    assert_eq!(answer, expected);
}

#[test]
fn bodies_of_http_requests_go_out_as_they_are_written() {
    // Each chunk is written when the server has told of the one before.
    let origin = Setup::new(
        r#"let seen = null;
        export default { async fetch(request) {
          if (new URL(request.url).pathname === "/seen") return Response.json(seen);
          let text = "";
          for await (const chunk of request.body.pipeThrough(new TextDecoderStream())) {
            text += chunk;
            seen ??= [chunk, request.headers.get("content-length")];
          }
          seen = null;
          return new Response(text);
        } };"#,
    )
    .start();
    let server = Setup::new(
        r#"import http from "node:http";
        import { once } from "node:events";
        import { pipeline } from "node:stream/promises";
        import { Readable } from "node:stream";
        async function textOf(message) {
          let text = "";
          for await (const chunk of message) text += chunk;
          return text;
        }
        async function upload(url, headers) {
          const made = http.request(url, { method: "POST", headers });
          made.write("first ");
          let seen = null;
          while (seen === null) {
            await scheduler.wait(10);
            seen = await (await fetch(new URL("/seen", url))).json();
          }
          made.write("second");
          made.end();
          const [message] = await once(made, "response");
          return [...seen, await textOf(message)];
        }
        export default { async fetch(request) {
          const url = new URL(request.url).searchParams.get("url");
          const big = http.request(url, { method: "PUT" });
          const response = once(big, "response");
          await pipeline(Readable.from(Array(100).fill(Buffer.alloc(10_000, "x"))), big);
          const length = (await textOf((await response)[0])).length;
          const uploads = [await upload(url, {}), await upload(url, { "Content-Length": 12 })];
          const wrong = http.request(url, { method: "POST", headers: { "content-length": "3" } });
          wrong.write("fo");
          const failed = new Promise((resolve) => wrong.on("error", resolve));
          await new Promise((resolve) => setTimeout(resolve));
          wrong.end("ur");
          return Response.json([...uploads, length, await failed instanceof Error]);
        } };"#,
    )
    .start();
    let answer = server.get(&format!("/?url={}", origin.url("/"))).json();
    let expected = serde_json::json!([
        ["first ", null, "first second"],
        ["first ", "12", "first second"],
        1_000_000,
        true
    ]);
    assert_eq!(answer, expected);
}

#[test]
fn sockets_of_net_are_the_platforms() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = [0; 5];
            if stream.read_exact(&mut line).is_ok() {
                let _ = stream.write_all(&[b"echo ", &line[..]].concat());
            }
        }
    });
    let server = Setup::new(
        r#"import net from "node:net";
        export default { async fetch(request) {
          const port = Number(new URL(request.url).searchParams.get("port"));
          const talk = (host) => new Promise((resolve, reject) => {
            let got = "";
            net.connect(port, host, function () { this.write("hello"); })
              .on("data", (chunk) => got += chunk)
              .on("close", () => resolve(got))
              .on("error", reject);
          });
          const refused = await new Promise((resolve) => net.connect(1, "127.0.0.1").on("error", (error) => resolve(error.code)));
          return Response.json([await talk("127.0.0.1"), await talk("localhost"), refused]);
        } };"#,
    )
    .start();
    let answer = server.get(&format!("/?port={port}")).json();
    assert_eq!(answer, serde_json::json!(["echo hello", "echo hello", "ECONNREFUSED"]));
}

#[test]
fn a_socket_of_net_tells_of_errors_before_it_closes() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        let streams: Vec<_> = listener.incoming().collect();
        drop(streams);
    });
    let server = Setup::new(
        r#"import net from "node:net";
        import { once } from "node:events";
        function events(socket) {
          const seen = [];
          socket.on("error", (error) => seen.push(error.code ?? error.message));
          return new Promise((resolve) => socket.on("close", (failed) => {
            seen.push(failed);
            setTimeout(resolve, 5, seen);
          }));
        }
        export default { async fetch(request) {
          const port = Number(new URL(request.url).searchParams.get("port"));
          const refused = await events(net.connect(1, "127.0.0.1"));
          const destroyed = net.connect(port, "127.0.0.1");
          const before = [destroyed.remoteAddress, destroyed.address()];
          await once(destroyed, "connect");
          const { remoteAddress, remotePort, remoteFamily, localPort } = destroyed;
          const named = net.connect(port, "localhost");
          await once(named, "connect");
          const name = named.remoteAddress;
          const stopped = events(destroyed);
          destroyed.destroy(new Error("mine"));
          const ended = events(named);
          named.destroy();
          return Response.json({
            refused, stopped: await stopped, ended: await ended, before, name,
            peer: [remoteAddress, remotePort === port, remoteFamily, localPort],
          });
        } };"#,
    )
    .start();
    let answer = server.get(&format!("/?port={port}")).json();
    // Node.js has it in this order. The host's own address is not told.
    let expected = serde_json::json!({
        "refused": ["ECONNREFUSED", true],
        "stopped": ["mine", true],
        "ended": [false],
        "before": [null, {}],
        "name": "localhost",
        "peer": ["127.0.0.1", true, "IPv4", 0],
    });
    assert_eq!(answer, expected);
}

#[test]
fn streams_of_zlib_count_as_memory_and_are_collected() {
    let server = Setup::new(
        r#"import zlib from "node:zlib";
        const level = { params: { [zlib.constants.ZSTD_c_compressionLevel]: 17 } };
        const hostage = [];
        /** It has its tables once something was written. */
        function stream() {
          const made = zlib.createZstdCompress(level);
          made.write("x");
          return made;
        }
        export default { async fetch(request) {
          const keeps = new URL(request.url).pathname === "/kept";
          for (let i = 0; i < 10; i++) {
            const made = stream();
            if (keeps) hostage.push(made);
            await scheduler.wait(0);
          }
          return new Response("alive");
        } };"#,
    )
    .start();
    // Nobody closes them; each holds some 30 MB.
    for _ in 0..5 {
        assert_eq!(server.get("/").text(), "alive");
    }
    let kept = server.get("/kept");
    assert_eq!(kept.status, 503, "{}", kept.text());
    assert_eq!(server.get("/").text(), "alive");
}
