use super::server::{DOMAIN, Serve, Setup, get, says};

const ECHO: &str = "export default { async fetch(request) {
  if (request.headers.get('upgrade') === 'websocket') {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener('message', (event) => server.send('echo ' + event.data));
    return new Response(null, { status: 101, webSocket: client });
  }
  const { method, url } = request;
  return Response.json({ method, url, body: await request.text(),
    ip: request.headers.get('cf-connecting-ip') });
} };";

fn serve() -> Serve {
    let serve = Setup::new().start();
    serve.deploy("echo", ECHO);
    serve.deploy("other", &says("other"));
    serve
}

#[test]
fn bodies_come_through_whether_or_not_the_connection_moves() {
    let serve = serve();
    let mut client = serve.connect();
    let large = "x".repeat(300_000);
    for body in ["", "small", &large] {
        let head = format!(
            "POST /p HTTP/1.1\r\nhost: echo.{DOMAIN}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        client.send(head);
        let echoed = client.response().json();
        assert_eq!(echoed["body"].as_str().map(str::len), Some(body.len()));
        assert_eq!(get(&mut client, "other.edge.test", "/", &[]).text(), "other");
    }
}

#[test]
fn a_head_that_comes_in_pieces_is_waited_for() {
    let serve = serve();
    let mut client = serve.connect();
    for _ in 0..2 {
        for piece in ["GET / HT", "TP/1.1\r\nhost: other.", "edge.test\r\n", "\r\n"] {
            client.send(piece);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(client.response().text(), "other");
    }
}

#[test]
fn the_clients_address_goes_with_the_connection() {
    let serve = serve();
    let mut client = serve.connect();
    get(&mut client, "other.edge.test", "/", &[]);
    let echoed = get(&mut client, "echo.edge.test", "/a?b", &[]).json();
    assert_eq!(echoed["ip"], "127.0.0.1");
    assert_eq!(echoed["url"], "http://echo.edge.test/a?b");
}

#[test]
fn what_is_no_http_is_refused() {
    let serve = serve();
    let mut client = serve.connect();
    client.send("NONSENSE\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed());
    let mut client = serve.connect();
    client.send(format!("GET / HTTP/1.1\r\nhost: echo.{DOMAIN}\r\nx: {}", "y".repeat(200_000)));
    assert_eq!(client.response().status, 431);
}

#[test]
fn a_websocket_stays_where_it_began() {
    let serve = serve();
    let mut client = serve.connect();
    get(&mut client, "other.edge.test", "/", &[]);
    client.send(format!(
        "GET / HTTP/1.1\r\nhost: echo.{DOMAIN}\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    let response = client.head();
    assert_eq!(response.status, 101);
    assert_eq!(response.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for _ in 0..3 {
        // A masked frame with the text "hi" and a mask of zeros.
        client.send([0x81, 0x82, 0, 0, 0, 0, b'h', b'i']);
        assert_eq!(client.exactly(9), b"\x81\x07echo hi");
    }
}

#[test]
fn streams_of_one_http2_connection_go_to_several_workers() {
    let serve = serve();
    let address = serve.address;
    crate::harness::block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(executor, io).await.expect("it speaks HTTP/2");
        tokio::spawn(connection);
        let mut asked = Vec::new();
        for turn in 0..20 {
            let name = if turn % 2 == 0 { "echo" } else { "other" };
            let body = http_body_util::Full::new(bytes::Bytes::from(vec![b'a'; turn * 10_000]));
            let request = http::Request::post(format!("http://{name}.{DOMAIN}/{turn}"))
                .body(body)
                .expect("a request");
            let mut sender = sender.clone();
            asked.push(tokio::spawn(async move {
                let response = sender.send_request(request).await.expect("an answer");
                let status = response.status();
                let body = http_body_util::BodyExt::collect(response.into_body()).await;
                (status, body.expect("a body").to_bytes())
            }));
        }
        for (turn, task) in asked.into_iter().enumerate() {
            let (status, body) = task.await.expect("it ends");
            assert_eq!(status, 200);
            if turn % 2 == 1 {
                assert_eq!(body, "other");
                continue;
            }
            let echoed: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(echoed["url"], format!("http://echo.{DOMAIN}/{turn}"));
            assert_eq!(echoed["body"].as_str().map(str::len), Some(turn * 10_000));
            assert_eq!(echoed["ip"], "127.0.0.1");
        }
        let nobody = http::Request::get("http://nobody.example/")
            .body(http_body_util::Full::new(bytes::Bytes::new()))
            .expect("a request");
        let response = sender.clone().send_request(nobody).await.expect("an answer");
        assert_eq!(response.status(), 404);
    });
}
