//! `Accept-Encoding` and compression.

use std::io::{self, Write as _};

/// How a content is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    Brotli,
}

/// Contents below this size in bytes are sent as they are: they fit into a packet.
const MIN_BYTES: u64 = 256;
/// Compression while a client waits: about as good as `gzip -6`, several times as
/// fast as the best.
const BROTLI_QUALITY: u32 = 5;
/// 4 MiB, what all clients can decode.
const BROTLI_WINDOW_BITS: u32 = 22;

/// Types beside text, JSON and XML that compress well.
const COMPRESSIBLE: &[&str] = &[
    "application/eot",
    "application/javascript",
    "application/json",
    "application/otf",
    "application/rtf",
    "application/ttf",
    "application/vnd.ms-fontobject",
    "application/wasm",
    "application/x-javascript",
    "application/xml",
    "font/otf",
    "font/ttf",
    "image/bmp",
    "image/vnd.microsoft.icon",
    "image/x-icon",
];

impl Encoding {
    /// The encoding that a client prefers; `br` where it says nothing of that.
    pub(crate) fn preferred(accept: Option<&[u8]>) -> Self {
        let Some(accept) = accept else { return Self::Identity };
        let quality = |name: &[u8]| quality(accept, name);
        let (brotli, gzip) = (quality(b"br"), quality(b"gzip"));
        if brotli > 0 && brotli >= gzip {
            Self::Brotli
        } else if gzip > 0 {
            Self::Gzip
        } else {
            Self::Identity
        }
    }

    /// Its name in `Content-Encoding`.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Brotli => Some("br"),
        }
    }

    /// The content in this encoding. It takes about a second for 25 MiB.
    ///
    /// # Errors
    /// Never, but for what the encoders say of a buffer in memory.
    pub(crate) fn encode(self, content: &[u8]) -> io::Result<Vec<u8>> {
        let room = Vec::with_capacity(content.len() / 3);
        match self {
            Self::Identity => Ok(content.to_vec()),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::new(6));
                encoder.write_all(content)?;
                encoder.finish()
            }
            Self::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(
                    room,
                    16 * 1024,
                    BROTLI_QUALITY,
                    BROTLI_WINDOW_BITS,
                );
                encoder.write_all(content)?;
                Ok(encoder.into_inner())
            }
        }
    }
}

/// How much a client wants an encoding, in thousandths; 0: not at all.
fn quality(accept: &[u8], name: &[u8]) -> u32 {
    let mut any = 0;
    for item in accept.split(|byte| *byte == b',') {
        let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let is_named = coding.eq_ignore_ascii_case(name)
            || name == b"gzip" && coding.eq_ignore_ascii_case(b"x-gzip");
        if !is_named && coding != b"*" {
            continue;
        }
        let weight = parts.find_map(|part| {
            let value = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="))?;
            let value: f64 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
            Some((value.clamp(0.0, 1.0) * 1000.0) as u32)
        });
        let weight = weight.unwrap_or(1000);
        if is_named {
            return weight;
        }
        any = weight;
    }
    any
}

/// Whether contents of this type and size are compressed.
pub(crate) fn is_compressible(content_type: Option<&str>, size: u64) -> bool {
    let Some(content_type) = content_type.filter(|_| size >= MIN_BYTES) else { return false };
    let name = content_type.split(';').next().unwrap_or_default().trim_end();
    name.starts_with("text/")
        || name.ends_with("+json")
        || name.ends_with("+xml")
        || COMPRESSIBLE.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_client_chooses() {
        let of = |accept: &str| Encoding::preferred(Some(accept.as_bytes()));
        assert_eq!(of("gzip, deflate, br, zstd"), Encoding::Brotli);
        assert_eq!(of("gzip"), Encoding::Gzip);
        assert_eq!(of("x-gzip"), Encoding::Gzip);
        assert_eq!(of("br;q=0.5, gzip;q=0.8"), Encoding::Gzip);
        assert_eq!(of("br;q=0, gzip;q=0"), Encoding::Identity);
        assert_eq!(of("*"), Encoding::Brotli);
        assert_eq!(of("*;q=0.1, br;q=0"), Encoding::Gzip);
        assert_eq!(of("identity"), Encoding::Identity);
        assert_eq!(of("deflate"), Encoding::Identity);
        assert_eq!(of("BR"), Encoding::Brotli);
        assert_eq!(of(""), Encoding::Identity);
        assert_eq!(of("br;q=nonsense"), Encoding::Brotli);
        assert_eq!(Encoding::preferred(None), Encoding::Identity);
    }

    #[test]
    fn what_is_encoded_is_decoded_to_the_same() {
        let content = "a line that comes again and again\n".repeat(1000).into_bytes();
        let gzip = Encoding::Gzip.encode(&content).expect("it can be encoded");
        let mut decoded = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut decoded).expect("it is gzip");
        assert_eq!(decoded, content);
        let brotli = Encoding::Brotli.encode(&content).expect("it can be encoded");
        let mut decoded = Vec::new();
        brotli::Decompressor::new(&brotli[..], 4096).read_to_end(&mut decoded).expect("it is br");
        assert_eq!(decoded, content);
        assert!(brotli.len() < content.len() / 10 && gzip.len() < content.len() / 10);
    }

    #[test]
    fn pictures_and_small_contents_stay_as_they_are() {
        for compressed in
            ["text/html; charset=utf-8", "application/json", "image/svg+xml", "application/wasm"]
        {
            assert!(is_compressible(Some(compressed), 1000), "{compressed}");
            assert!(!is_compressible(Some(compressed), 255), "{compressed}");
        }
        for other in [Some("image/png"), Some("font/woff2"), Some("video/mp4"), None] {
            assert!(!is_compressible(other, 1000), "{other:?}");
        }
    }
}
