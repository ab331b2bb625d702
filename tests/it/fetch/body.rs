//! Bodies of subrequests: streams, encodings, and their end.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use super::{show, worker};
use crate::harness::{Body, Origin, eventually, full};

/// One piece each few milliseconds; counts how many were asked for.
fn ticking(count: usize, asked: &Arc<AtomicUsize>) -> Body {
    let asked = asked.clone();
    let pieces = futures::stream::iter(0..count).then(move |number| {
        let asked = asked.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(Frame::data(Bytes::from(format!("{number},"))))
        }
    });
    BodyExt::boxed(StreamBody::new(pieces))
}

#[test]
fn a_response_is_streamed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::start(move |_| {
        let body = ticking(20, &count);
        async move { Response::new(body) }
    });
    let server = worker(
        &origin,
        r#"
        const answer = await fetch(origin);
        if (new URL(request.url).pathname === "/pass") return answer;
        let text = "", pieces = 0;
        for await (const piece of answer.body) { pieces++; text += new TextDecoder().decode(piece); }
        return Response.json([pieces > 1, text]);
        "#,
    );
    let expected: String = (0..20).map(|number| format!("{number},")).collect();
    assert_eq!(server.get("/").json(), serde_json::json!([true, expected]));
    assert_eq!(server.text("/pass"), expected);
}

#[test]
fn a_stream_is_uploaded() {
    let origin = Origin::start(show);
    let server = worker(
        &origin,
        r#"
        const { readable, writable } = new TransformStream();
        const answer = fetch(origin, { method: "POST", body: readable });
        const writer = writable.getWriter();
        for (let i = 0; i < 5; i++) {
          await writer.write(new TextEncoder().encode(`${i},`));
          await scheduler.wait(2);
        }
        await writer.close();
        return answer;
        "#,
    );
    let shown = server.get("/").json();
    assert_eq!(shown["body"], "0,1,2,3,4,");
    assert_eq!(super::header(&shown, "transfer-encoding"), Some("chunked"));
}

#[test]
fn a_stream_of_known_length_has_a_content_length() {
    let origin = Origin::start(show);
    let server = worker(
        &origin,
        r#"
        const { readable, writable } = new FixedLengthStream(5);
        const writer = writable.getWriter();
        ctx.waitUntil(writer.write(new TextEncoder().encode("hello")).then(() => writer.close()));
        return fetch(origin, { method: "POST", body: readable });
        "#,
    );
    let shown = server.get("/").json();
    assert_eq!(shown["body"], "hello");
    assert_eq!(super::header(&shown, "content-length"), Some("5"));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    compressed("gzip", bytes)
}

fn compressed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    use async_compression::tokio::write::{
        BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder,
    };
    use tokio::io::AsyncWriteExt as _;
    let _ = std::io::sink().flush();
    crate::harness::block_on(async {
        macro_rules! with {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new());
                encoder.write_all(bytes).await.expect("memory");
                encoder.shutdown().await.expect("memory");
                encoder.into_inner()
            }};
        }
        match coding {
            "gzip" => with!(GzipEncoder),
            "br" => with!(BrotliEncoder),
            "deflate" => with!(ZlibEncoder),
            _ => with!(DeflateEncoder),
        }
    })
}

#[test]
fn compressed_responses_are_decoded() {
    let text = "compress me, ".repeat(1000);
    let bodies: Vec<_> = ["gzip", "br", "deflate"]
        .map(|coding| (coding, Bytes::from(compressed(coding, text.as_bytes()))))
        .into();
    let origin = Origin::start(move |request| {
        let wanted = request.uri().path()[1..].to_owned();
        let found = bodies.iter().find(|(coding, _)| *coding == wanted).cloned();
        async move {
            let (coding, body) = found.expect("a coding");
            Response::builder().header("content-encoding", coding).body(full(body)).expect("valid")
        }
    });
    let server = worker(
        &origin,
        r#"
        const answer = await fetch(origin + new URL(request.url).pathname);
        return Response.json([await answer.text(), answer.headers.get("content-encoding")]);
        "#,
    );
    for coding in ["gzip", "br", "deflate"] {
        let shown = server.get(&format!("/{coding}")).json();
        assert_eq!(shown[0], text, "{coding}");
    }
}

#[test]
fn a_broken_compression_fails_the_body() {
    let mut body = gzip(&b"compress me".repeat(1000));
    let half = body.len() / 2;
    body.truncate(half);
    let body = Bytes::from(body);
    let origin = Origin::start(move |_| {
        let body = body.clone();
        async move {
            Response::builder().header("content-encoding", "gzip").body(full(body)).expect("valid")
        }
    });
    let server = worker(
        &origin,
        r#"
        try { return new Response("read " + await (await fetch(origin)).text()); }
        catch (error) { return new Response("failed"); }
        "#,
    );
    assert_eq!(server.text("/"), "failed");
}

#[test]
fn a_subrequest_can_be_aborted() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::start(move |request| {
        let body = ticking(100_000, &count);
        let hangs = request.uri().path() == "/hang";
        async move {
            if hangs {
                std::future::pending::<()>().await;
            }
            Response::new(body)
        }
    });
    let server = worker(
        &origin,
        r#"
        switch (new URL(request.url).pathname) {
          case "/timeout":
            try { await fetch(origin + "/hang", { signal: AbortSignal.timeout(30) }); }
            catch (error) { return new Response(error.name); }
            break;
          case "/abort": {
            const controller = new AbortController();
            setTimeout(() => controller.abort(), 30);
            try { await fetch(origin + "/hang", { signal: controller.signal }); }
            catch (error) { return new Response(error.name); }
            break;
          }
          case "/reason": {
            const controller = new AbortController();
            controller.abort(new RangeError("mine"));
            try { await fetch(origin, { signal: controller.signal }); }
            catch (error) { return new Response(error.name + error.message); }
            break;
          }
          case "/body": {
            const controller = new AbortController();
            const answer = await fetch(origin, { signal: controller.signal });
            setTimeout(() => controller.abort(), 30);
            try { await answer.text(); }
            catch (error) { return new Response(error.name); }
            break;
          }
          case "/cancel": {
            const answer = await fetch(origin);
            await answer.body.cancel();
            return new Response("cancelled");
          }
        }
        return new Response("not aborted");
        "#,
    );
    assert_eq!(server.text("/timeout"), "TimeoutError");
    assert_eq!(server.text("/abort"), "AbortError");
    assert_eq!(server.text("/reason"), "RangeErrormine");
    assert_eq!(server.text("/body"), "AbortError");
    assert_eq!(server.text("/cancel"), "cancelled");
    // The origin notices that nobody listens.
    let mut before = usize::MAX;
    eventually("the origin is not asked any more", || {
        std::thread::sleep(Duration::from_millis(100));
        let now = asked.load(Ordering::SeqCst);
        let still = now == before;
        before = now;
        still.then_some(())
    });
}

#[test]
fn a_response_that_nobody_reads_ends_with_its_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let origin = Origin::start(move |_| {
        let body = ticking(100_000, &count);
        async move { Response::new(body) }
    });
    let server = worker(&origin, r#"await fetch(origin); return new Response("ignored");"#);
    assert_eq!(server.text("/"), "ignored");
    let mut before = usize::MAX;
    eventually("the origin is not asked any more", || {
        std::thread::sleep(Duration::from_millis(100));
        let now = asked.load(Ordering::SeqCst);
        let still = now == before;
        before = now;
        still.then_some(())
    });
}
