//! Bodies: encodings, back-pressure, breaking off.

use std::cell::Cell;
use std::rc::Rc;

use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder};
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use selvedge_runtime::body::BodyError;
use selvedge_runtime::outbound::{OutboundBody, OutboundError};
use tokio::io::AsyncReadExt;

use super::harness::*;

const TEXT: &str = "a body that is long enough to be worth it, a body that is long enough";
/// More than the buffers of a connection on loopback hold, in bytes.
const BUFFERS: usize = 16 << 20;

async fn encoded(coding: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let text = TEXT.as_bytes();
    match coding {
        "gzip" => GzipEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        "br" => BrotliEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        "deflate" => ZlibEncoder::new(text).read_to_end(&mut bytes).await.unwrap(),
        _ => return text.to_vec(),
    };
    bytes
}

/// Answers with `TEXT` in the encoding that the path names, cut in half when
/// the query says so.
async fn encoding_origin() -> Origin {
    Origin::start(|request| async move {
        let coding = request.uri().path().trim_start_matches('/').to_owned();
        let mut bytes = encoded(&coding).await;
        if request.uri().query().is_some() {
            bytes.truncate(bytes.len() / 2);
        }
        Response::builder().header("content-encoding", coding).body(full(bytes)).unwrap()
    })
    .await
}

#[test]
fn encodings_are_undone() {
    run(async {
        let origin = encoding_origin().await;
        let isolate = Isolate::new();
        for coding in ["gzip", "br", "deflate"] {
            let response = isolate.fetch(get(origin.url(&format!("/{coding}")))).await.unwrap();
            assert_eq!(header(&response, "content-encoding"), None);
            assert_eq!(header(&response, "content-length"), None);
            assert_eq!(response.body.as_ref().unwrap().length(), None);
            assert_eq!(text(response).await.unwrap(), TEXT, "{coding}");
            pause(5).await;
        }
        assert_eq!(origin.accepted.get(), 1);
    });
}

#[test]
fn an_encoding_is_kept_when_it_is_unknown_or_wanted() {
    run(async {
        let origin = encoding_origin().await;
        let isolate = Isolate::new();
        let unknown = isolate.fetch(get(origin.url("/zstd"))).await.unwrap();
        assert_eq!(header(&unknown, "content-encoding").as_deref(), Some("zstd"));
        assert_eq!(text(unknown).await.unwrap(), TEXT);

        let mut wanted = get(origin.url("/gzip"));
        wanted.keep_encoding = true;
        let mut wanted = isolate.fetch(wanted).await.unwrap();
        assert_eq!(header(&wanted, "content-encoding").as_deref(), Some("gzip"));
        let bytes = chunk(wanted.body.as_mut().unwrap()).await.unwrap().unwrap();
        assert_eq!(bytes, encoded("gzip").await);
        assert_eq!(header(&wanted, "content-length"), Some(bytes.len().to_string()));
    });
}

#[test]
fn a_body_that_is_cut_off_inside_its_encoding_is_invalid() {
    run(async {
        let origin = encoding_origin().await;
        let isolate = Isolate::new();
        for coding in ["gzip", "br", "deflate"] {
            let url = origin.url(&format!("/{coding}?cut"));
            let result = text(isolate.fetch(get(url)).await.unwrap()).await;
            assert!(matches!(result, Err(BodyError::Invalid(_))), "{coding}: {result:?}");
        }
    });
}

#[test]
fn some_responses_have_no_body() {
    run(async {
        let origin = Origin::start(|request| async move {
            let status: u16 = request.uri().path()[1..].parse().unwrap();
            let builder = Response::builder().status(status).header("content-encoding", "gzip");
            builder.body(empty()).unwrap()
        })
        .await;
        let isolate = Isolate::new();
        for status in [204, 205, 304] {
            let response = isolate.fetch(get(origin.url(&format!("/{status}")))).await.unwrap();
            assert_eq!((response.status, response.body.is_none()), (status, true));
        }
        let head = request("HEAD", origin.url("/200"), &[], OutboundBody::Empty);
        let head = isolate.fetch(head).await.unwrap();
        assert!(head.body.is_none());
        assert_eq!(header(&head, "content-encoding").as_deref(), Some("gzip"));
        let nothing = isolate.fetch(get(origin.url("/200"))).await.unwrap();
        assert!(nothing.body.is_some());
        assert_eq!(text(nothing).await.unwrap(), "");
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 0);
    });
}

#[test]
fn a_download_is_read_only_as_it_is_asked_for() {
    run(async {
        let made = Rc::new(Cell::new(0));
        let counter = made.clone();
        let origin =
            Origin::start(move |_| std::future::ready(Response::new(endless(counter.clone()))))
                .await;
        let isolate = Isolate::new();
        let mut body = isolate.fetch(get(origin.url("/"))).await.unwrap().body.unwrap();
        pause(200).await;
        let ahead = made.get();
        assert!(ahead < BUFFERS, "{ahead} bytes ahead");
        pause(100).await;
        assert_eq!(made.get(), ahead);

        let mut read = 0;
        while read < 4 * BUFFERS {
            read += chunk(&mut body).await.unwrap().unwrap().len();
        }
        assert!(made.get() - read < BUFFERS);
        drop(body);
        pause(50).await;
        assert_eq!(origin.closed.get(), 1);
    });
}

#[test]
fn an_upload_is_pulled_only_as_the_origin_reads() {
    run(async {
        let go = Rc::new(tokio::sync::Notify::new());
        let gate = go.clone();
        let origin = Origin::start(move |request| {
            let gate = gate.clone();
            async move {
                gate.notified().await;
                let mut body = request.into_body();
                let mut read = 0;
                while read < 2 * BUFFERS {
                    read += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
                }
                Response::new(full(read.to_string()))
            }
        })
        .await;
        let isolate = Isolate::new();
        let mut upload = Upload::of(&[]);
        upload.endless = Some(Bytes::from(vec![7; 64 * 1024]));
        let pulled = upload.pulled.clone();
        let call = isolate.start(request("POST", origin.url("/"), &[], upload.stream(None)));
        pause(200).await;
        let ahead = pulled.get();
        assert!(ahead > 0 && ahead < BUFFERS, "{ahead} bytes ahead");
        pause(100).await;
        assert_eq!(pulled.get(), ahead);
        go.notify_one();
        // The origin answers while the upload goes on.
        let response = call.await.unwrap().unwrap();
        assert!(text(response).await.unwrap().parse::<usize>().unwrap() >= 2 * BUFFERS);
    });
}

#[test]
fn an_upload_that_breaks_off_fails_with_its_reason() {
    run(async {
        let origin = Origin::start(|request| async move {
            let _ = request.into_body().collect().await;
            Response::new(empty())
        })
        .await;
        let isolate = Isolate::new();
        let mut broken = Upload::of(&["start"]);
        broken.pieces.push_back(Err(BodyError::Aborted));
        for (upload, length) in
            [(broken, None), (Upload::of(&["short"]), Some(9)), (Upload::of(&["long"]), Some(2))]
        {
            let call = request("POST", origin.url("/"), &[], upload.stream(length));
            let result = isolate.fetch(call).await.map(|response| response.status);
            assert!(matches!(result, Err(OutboundError::Body(_))), "{length:?}: {result:?}");
        }
        pause(20).await;
        assert_eq!(origin.closed.get(), 3);
    });
}

#[test]
fn an_upload_goes_on_without_its_response_until_it_is_cancelled() {
    run(async {
        let broken = Rc::new(Cell::new(false));
        let noted = broken.clone();
        let origin = Origin::start(move |request| {
            let noted = noted.clone();
            tokio::task::spawn_local(async move {
                let mut body = request.into_body();
                while let Some(frame) = body.frame().await {
                    noted.set(frame.is_err());
                }
            });
            async { Response::new(unfinished("early")) }
        })
        .await;
        let isolate = Isolate::new();
        let mut upload = Upload::of(&[]);
        upload.endless = Some(Bytes::from(vec![7; 64 * 1024]));
        let (pulled, cancelled) = (upload.pulled.clone(), upload.cancelled.clone());
        let call = request("POST", origin.url("/"), &[], upload.stream(None));
        drop(isolate.fetch(call).await.unwrap());
        pause(50).await;
        let before = pulled.get();
        pause(50).await;
        assert!(pulled.get() > before);
        cancelled.set(true);
        pause(50).await;
        assert!(broken.get());
    });
}
