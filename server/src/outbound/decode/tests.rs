use std::collections::VecDeque;

use async_compression::tokio::bufread::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder};
use http::HeaderValue;
use selvedge_runtime::body::BytesBody;

use super::*;

const TEXT: &[u8] = b"a body that is long enough to be worth it, a body that is long enough";

/// A body in given pieces, with an error at the end if there is one.
struct Pieces(VecDeque<Result<Bytes, BodyError>>);

impl BodySource for Pieces {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(self.0.pop_front())
    }
}

async fn read(mut body: impl BodySource) -> Result<Vec<u8>, BodyError> {
    let mut all = Vec::new();
    while let Some(chunk) = std::future::poll_fn(|cx| body.poll_chunk(cx)).await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

async fn encoded(mut encoder: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut all = Vec::new();
    encoder.read_to_end(&mut all).await.unwrap();
    all
}

async fn decoded(bytes: Vec<u8>, codings: &[Coding]) -> Result<Vec<u8>, BodyError> {
    read(Decoded::new(Box::new(BytesBody::new(bytes.into())), codings.to_vec())).await
}

#[tokio::test]
async fn what_was_encoded_is_decoded() {
    let gzip = encoded(GzipEncoder::new(TEXT)).await;
    assert_eq!(decoded(gzip.clone(), &[Coding::Gzip]).await.unwrap(), TEXT);
    let brotli = encoded(BrotliEncoder::new(TEXT)).await;
    assert_eq!(decoded(brotli, &[Coding::Brotli]).await.unwrap(), TEXT);
    let zlib = encoded(ZlibEncoder::new(TEXT)).await;
    assert_eq!(decoded(zlib, &[Coding::Deflate]).await.unwrap(), TEXT);
    let bare = encoded(DeflateEncoder::new(TEXT)).await;
    assert_eq!(decoded(bare, &[Coding::Deflate]).await.unwrap(), TEXT);
    let twice = encoded(BrotliEncoder::new(&gzip[..])).await;
    assert_eq!(decoded(twice, &[Coding::Brotli, Coding::Gzip]).await.unwrap(), TEXT);
    let members = [gzip.clone(), gzip.clone()].concat();
    assert_eq!(decoded(members, &[Coding::Gzip]).await.unwrap(), TEXT.repeat(2));
}

#[tokio::test]
async fn it_does_not_matter_how_a_body_is_cut() {
    let gzip = encoded(GzipEncoder::new(TEXT)).await;
    let pieces = gzip.iter().map(|byte| Ok(Bytes::copy_from_slice(&[*byte]))).collect();
    let body = Decoded::new(Box::new(Pieces(pieces)), vec![Coding::Gzip]);
    assert_eq!(read(body).await.unwrap(), TEXT);
}

#[tokio::test]
async fn a_corrupt_or_cut_body_is_invalid() {
    let gzip = encoded(GzipEncoder::new(TEXT)).await;
    let cut = gzip[..gzip.len() - 12].to_vec();
    let mut corrupt = gzip.clone();
    corrupt[15] ^= 0xff;
    let all = [Coding::Gzip, Coding::Brotli, Coding::Deflate];
    for (bytes, coding) in all
        .map(|coding| (b"\xffnot encoded at all".to_vec(), coding))
        .into_iter()
        .chain([(cut, Coding::Gzip), (corrupt, Coding::Gzip)])
    {
        let result = decoded(bytes, &[coding]).await;
        assert!(matches!(result, Err(BodyError::Invalid(_))), "{coding:?}: {result:?}");
    }
}

#[tokio::test]
async fn an_empty_body_is_empty_in_every_encoding() {
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Deflate] {
        assert_eq!(decoded(Vec::new(), &[coding]).await.unwrap(), b"");
    }
}

#[tokio::test]
async fn an_error_of_the_connection_stays_one() {
    let gzip = encoded(GzipEncoder::new(TEXT)).await;
    let pieces = [Ok(Bytes::copy_from_slice(&gzip[..20])), Err(BodyError::ConnectionLost)].into();
    let result = read(Decoded::new(Box::new(Pieces(pieces)), vec![Coding::Gzip])).await;
    assert!(matches!(result, Err(BodyError::ConnectionLost)), "{result:?}");
}

#[tokio::test]
async fn a_body_that_explodes_comes_in_small_pieces() {
    let zeros = vec![0; 8 << 20];
    let gzip = encoded(GzipEncoder::new(&zeros[..])).await;
    assert!(gzip.len() < 16 * 1024);
    let mut body = Decoded::new(Box::new(BytesBody::new(gzip.into())), vec![Coding::Gzip]);
    let mut total = 0;
    while let Some(chunk) = std::future::poll_fn(|cx| body.poll_chunk(cx)).await {
        let chunk = chunk.unwrap();
        assert!(chunk.len() <= CHUNK_BYTES);
        total += chunk.len();
    }
    assert_eq!(total, zeros.len());
}

#[test]
fn codings_are_undone_last_first_and_unknown_ones_not_at_all() {
    let table: [(&str, &[Coding]); 7] = [
        ("gzip", &[Coding::Gzip]),
        ("X-GZip", &[Coding::Gzip]),
        ("gzip, br", &[Coding::Brotli, Coding::Gzip]),
        ("identity", &[]),
        ("zstd", &[]),
        ("gzip, zstd", &[]),
        ("gzip, gzip, gzip, gzip, gzip", &[]),
    ];
    for (value, expected) in table {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        let rules = Rules { brotli: true, strips_secrets: true };
        assert_eq!(codings(&headers, rules), expected, "{value}");
        if expected.contains(&Coding::Brotli) {
            let rules = Rules { brotli: false, ..rules };
            assert_eq!(codings(&headers, rules), [], "{value}, whose flags know no br");
        }
    }
}
