//! HTTP/2 with prior knowledge.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::harness::{Setup, TestServer, block_on};

const WORKER: &str = r#"
export default {
  async fetch(request) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/echo":
        return new Response(request.body, { headers: { "x-protocol": request.cf.httpProtocol } });
      case "/wait":
        await scheduler.wait(50);
        return new Response(url.search);
      case "/cookies": {
        const response = new Response(null, { status: 204 });
        response.headers.append("set-cookie", "a=1");
        response.headers.append("set-cookie", "b=2");
        response.headers.append("connection", "close");
        return response;
      }
      case "/throw":
        throw new Error("thrown over HTTP/2");
    }
    return Response.json({ url: request.url, method: request.method, headers: [...request.headers] });
  },
};
"#;

type Sender<B> = http2::SendRequest<B>;

async fn connect<B>(server: &TestServer) -> Sender<B>
where
    B: hyper::body::Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(server.address).await.expect("it listens");
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("it speaks HTTP/2");
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("http://example.com{path}")).body(Empty::new()).expect("valid")
}

#[test]
fn prior_knowledge_is_enough() {
    let server = Setup::new(WORKER).start();
    block_on(async {
        let mut sender = connect(&server).await;
        let response = sender.send_request(get("/a?b")).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let shown: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(shown["url"], "http://example.com/a?b");
        let headers = shown["headers"].as_array().expect("headers");
        assert!(
            headers.iter().any(|pair| pair[0] == "host" && pair[1] == "example.com"),
            "{shown}"
        );
        assert!(headers.iter().all(|pair| !pair[0].as_str().unwrap_or(":").starts_with(':')));
    });
}

#[test]
fn too_large_a_body_gets_413_also_in_the_log() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) { return new Response(await request.text()); },
        };"#,
    )
    .limits(|limits| limits.request_body_bytes = 1000)
    .start();
    block_on(async {
        let mut sender = connect(&server).await;
        let chunks = (0..3)
            .map(|_| Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(vec![b'x'; 500]))));
        let body = StreamBody::new(futures::stream::iter(chunks));
        let request = Request::post("http://example.com/").body(body).expect("valid");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    });
    let line = server.logs.wait("the request", |line| line["kind"] == "request");
    assert_eq!(line["status"], 413, "{line}");
}

#[test]
fn streams_of_a_connection_run_at_the_same_time() {
    let server = Setup::new(WORKER).start();
    block_on(async {
        let sender = connect(&server).await;
        let all = (0..100).map(|number| {
            let mut sender = sender.clone();
            async move {
                let response =
                    sender.send_request(get(&format!("/wait?{number}"))).await.expect("an answer");
                let body = response.into_body().collect().await.expect("a body").to_bytes();
                assert_eq!(body, format!("?{number}"));
            }
        });
        futures::future::join_all(all).await;
    });
}

#[test]
fn the_cache_before_a_worker_answers_over_http_2_as_well() {
    let server = crate::front::server();
    block_on(async {
        let mut sender = connect(&server).await;
        for (method, status, length) in [("HEAD", "MISS", 0), ("GET", "HIT", 8), ("GET", "HIT", 8)]
        {
            let request = Request::builder().method(method).uri("http://example.com/a");
            let request = request.body(Empty::<Bytes>::new()).expect("valid");
            let response = sender.send_request(request).await.expect("an answer");
            assert_eq!(response.headers()["cf-cache-status"], status);
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            assert_eq!(body.len(), length, "{method}");
        }
        let part = Request::get("http://example.com/a").header("range", "bytes=0-2");
        let part = part.body(Empty::<Bytes>::new()).expect("valid");
        let response = sender.send_request(part).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()["content-range"], "bytes 0-2/8");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(&body[..], b"ans");
    });
}

#[test]
fn bodies_go_both_ways() {
    let server = Setup::new(WORKER).start();
    block_on(async {
        let mut sender = connect(&server).await;
        let body = Bytes::from(vec![b'x'; 3_000_000]);
        let request = Request::post("http://a/echo").body(Full::new(body.clone())).expect("valid");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.headers()["x-protocol"], "HTTP/2");
        let back = response.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(back, body);
    });
}

#[test]
fn a_body_is_streamed_while_it_is_sent() {
    let server = Setup::new(WORKER).start();
    block_on(async {
        let (pieces, stream) =
            futures::channel::mpsc::unbounded::<Result<Frame<Bytes>, std::io::Error>>();
        let mut sender = connect(&server).await;
        let request = Request::post("http://a/echo").body(StreamBody::new(stream)).expect("valid");
        pieces.unbounded_send(Ok(Frame::data("one".into()))).expect("open");
        let response = sender.send_request(request).await.expect("an answer");
        let mut body = response.into_body();
        let first = body.frame().await.expect("a frame").expect("data");
        assert_eq!(first.into_data().expect("data"), "one");
        pieces.unbounded_send(Ok(Frame::data("two".into()))).expect("open");
        let second = body.frame().await.expect("a frame").expect("data");
        assert_eq!(second.into_data().expect("data"), "two");
        drop(pieces);
        let rest = body.collect().await.expect("an end").to_bytes();
        assert_eq!(rest, "");
    });
}

#[test]
fn headers_of_a_connection_are_left_out() {
    let server = Setup::new(WORKER).start();
    block_on(async {
        let mut sender = connect(&server).await;
        let response = sender.send_request(get("/cookies")).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2"]);
        assert_eq!(response.headers().get("connection"), None);
    });
}

#[test]
fn exceptions_are_answered() {
    let server = Setup::new(WORKER).start();
    block_on(async {
        let mut sender = connect(&server).await;
        let response = sender.send_request(get("/throw")).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("thrown over HTTP/2"));
        let response = sender.send_request(get("/")).await.expect("the connection goes on");
        assert_eq!(response.status(), StatusCode::OK);
    });
}

#[test]
fn limits_hold_for_http_2_as_well() {
    let server = Setup::new(WORKER).limits(|limits| limits.request_body_bytes = 1000).start();
    block_on(async {
        let mut sender = connect(&server).await;
        let long = format!("/{}", "a".repeat(16 * 1024 + 1));
        let request =
            Request::get(format!("http://a{long}")).body(Full::new(Bytes::new())).expect("valid");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::URI_TOO_LONG);
        let request = Request::post("http://a/echo")
            .body(Full::new(Bytes::from(vec![0; 1001])))
            .expect("valid");
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    });
}
