//! Checksums that clients send with a body, in a header or after it
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>).
//! They are compared and not kept.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::S3Error;
use super::request::Asked;

const PREFIX: &str = "x-amz-checksum-";

/// A checksum that is being made.
pub(super) struct Checksum {
    /// The name of its header.
    name: String,
    given: Option<String>,
    sum: Sum,
}

enum Sum {
    Crc(Crc),
    Digest(digest::Context),
}

/// A cyclic redundancy check of up to 64 bits, of the kind that goes from the
/// lowest bit up.
struct Crc {
    table: Box<[u64; 256]>,
    value: u64,
    bytes: usize,
}

impl Crc {
    fn new(polynomial: u64, bytes: usize) -> Self {
        let mut table = Box::new([0; 256]);
        for (byte, entry) in (0_u64..).zip(table.iter_mut()) {
            *entry = (0..8).fold(byte, |value, _| {
                if value & 1 == 1 { value >> 1 ^ polynomial } else { value >> 1 }
            });
        }
        let value = if bytes == 8 { u64::MAX } else { u64::from(u32::MAX) };
        Self { table, value, bytes }
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let at = (self.value ^ u64::from(*byte)) & 255;
            self.value = self.value >> 8 ^ self.table[at as usize];
        }
    }

    fn finish(&self) -> Vec<u8> {
        (!self.value).to_be_bytes()[8 - self.bytes..].to_vec()
    }
}

impl Sum {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "crc32" => Self::Crc(Crc::new(0xedb8_8320, 4)),
            "crc32c" => Self::Crc(Crc::new(0x82f6_3b78, 4)),
            "crc64nvme" => Self::Crc(Crc::new(0x9a6c_9329_ac4b_c9b5, 8)),
            "sha1" => Self::Digest(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY)),
            "sha256" => Self::Digest(digest::Context::new(&digest::SHA256)),
            _ => return None,
        })
    }
}

impl Checksum {
    /// The one that a request has, or will have after its body.
    pub(super) fn of(asked: &Asked) -> Result<Option<Self>, S3Error> {
        let mut found = None;
        for (name, value) in &asked.headers {
            let Some(kind) = name.as_str().strip_prefix(PREFIX) else { continue };
            if matches!(kind, "algorithm" | "type" | "mode") {
                continue;
            }
            let given = value.to_str().ok().map(str::to_owned);
            found = Some((kind.to_owned(), given));
        }
        if found.is_none()
            && let Some(trailer) = asked.header("x-amz-trailer")
            && let Some(kind) = trailer.trim().to_ascii_lowercase().strip_prefix(PREFIX)
        {
            found = Some((kind.to_owned(), None));
        }
        let Some((kind, given)) = found else { return Ok(None) };
        let unknown = || S3Error::not_implemented(&format!("the checksum {kind}"));
        let sum = Sum::named(&kind).ok_or_else(unknown)?;
        Ok(Some(Self { name: format!("{PREFIX}{kind}"), given, sum }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.sum {
            Sum::Crc(crc) => crc.update(bytes),
            Sum::Digest(context) => context.update(bytes),
        }
    }

    /// A line of the trailer.
    pub(super) fn told(&mut self, name: &str, value: &str) {
        if name == self.name {
            self.given = Some(value.to_owned());
        }
    }

    /// Compares it with what was given.
    pub(super) fn check(self) -> Result<(), S3Error> {
        let actual = match self.sum {
            Sum::Crc(crc) => STANDARD.encode(crc.finish()),
            Sum::Digest(context) => STANDARD.encode(context.finish()),
        };
        if self.given.is_some_and(|given| given == actual) {
            return Ok(());
        }
        let text =
            format!("The {} you specified did not match the calculated checksum.", self.name);
        Err(S3Error::bad("BadDigest", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_those_of_their_catalogues() {
        for (name, expected) in
            [("crc32", "cbf43926"), ("crc32c", "e3069283"), ("crc64nvme", "ae8b14860a799888")]
        {
            let Some(Sum::Crc(mut crc)) = Sum::named(name) else { panic!("{name}") };
            crc.update(b"1234");
            crc.update(b"56789");
            assert_eq!(selvedge_r2::object::hex(&crc.finish()), expected, "{name}");
        }
    }
}
