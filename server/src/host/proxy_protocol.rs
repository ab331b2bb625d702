//! The PROXY protocol, versions 1 and 2: a load balancer says before the first
//! byte of a connection whose it is
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::SocketAddr;

use ppp::{HeaderResult, PartialResult as _, v1, v2};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The longest header that is read: its fields beyond the addresses are few.
const MAX_BYTES: usize = 4096;

/// Reads a header. Gives the client, unless the proxy speaks for itself (health
/// checks), and what was read behind the header.
///
/// # Errors
/// When there is no header.
pub(super) async fn read(stream: &mut TcpStream) -> io::Result<(Option<SocketAddr>, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some((client, length)) = parse(&bytes)? {
            return Ok((client, bytes.split_off(length)));
        }
    }
}

/// The client and the header's length; `None`: there is more to come.
fn parse(bytes: &[u8]) -> io::Result<Option<(Option<SocketAddr>, usize)>> {
    let parsed = HeaderResult::parse(bytes);
    if parsed.is_incomplete() && bytes.len() < MAX_BYTES {
        return Ok(None);
    }
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, "no PROXY header");
    match parsed {
        HeaderResult::V1(Ok(header)) => {
            let client = match header.addresses {
                v1::Addresses::Tcp4(it) => Some((it.source_address, it.source_port).into()),
                v1::Addresses::Tcp6(it) => Some((it.source_address, it.source_port).into()),
                v1::Addresses::Unknown => None,
            };
            Ok(Some((client, header.header.len())))
        }
        HeaderResult::V2(Ok(header)) => {
            let client = match (header.command, header.addresses) {
                (v2::Command::Local, _) => None,
                (_, v2::Addresses::IPv4(it)) => Some((it.source_address, it.source_port).into()),
                (_, v2::Addresses::IPv6(it)) => Some((it.source_address, it.source_port).into()),
                _ => None,
            };
            Ok(Some((client, header.len())))
        }
        _ => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_header_names_the_client() {
        let text = b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\nGET /";
        let (client, length) = parse(text).expect("valid").expect("whole");
        assert_eq!(client.map(|it| it.to_string()).as_deref(), Some("192.0.2.1:4711"));
        assert_eq!(&text[length..], b"GET /");
        assert!(parse(b"PROXY TCP4 192.0.2.1 19").expect("valid so far").is_none());
        assert_eq!(parse(b"PROXY UNKNOWN\r\n").expect("valid").expect("whole").0, None);
        parse(b"GET / HTTP/1.1\r\n").expect_err("no header");
    }

    #[test]
    fn a_binary_header_names_the_client() {
        let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c".to_vec();
        bytes.extend([192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x67, 0x01, 0xbb]);
        for cut in 1..bytes.len() {
            assert!(parse(&bytes[..cut]).expect("valid so far").is_none(), "{cut}");
        }
        bytes.extend(b"GET /");
        let (client, length) = parse(&bytes).expect("valid").expect("whole");
        assert_eq!(client.map(|it| it.to_string()).as_deref(), Some("192.0.2.1:4711"));
        assert_eq!(&bytes[length..], b"GET /");
        // LOCAL: the proxy's own connection.
        bytes[12] = 0x20;
        assert_eq!(parse(&bytes).expect("valid").expect("whole").0, None);
    }
}
