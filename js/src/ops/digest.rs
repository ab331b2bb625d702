//! Digests of data that comes in pieces, and comparing secrets.

use std::borrow::Cow;
use std::cell::RefCell;

use aws_lc_rs::digest;
use deno_core::convert::Uint8Array;
use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use md5::{Digest as _, Md5};

/// One that is under way.
enum Digester {
    Sha(digest::Context),
    /// Not in any standard of the web, but Cloudflare has it.
    Md5(Md5),
    Crc(Crc),
}

impl Digester {
    fn new(name: &str) -> Option<Self> {
        let sha = |algorithm| Self::Sha(digest::Context::new(algorithm));
        Some(match name.to_ascii_uppercase().as_str() {
            "SHA-1" => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            "SHA-256" => sha(&digest::SHA256),
            "SHA-384" => sha(&digest::SHA384),
            "SHA-512" => sha(&digest::SHA512),
            "MD5" => Self::Md5(Md5::new()),
            "CRC32" => Self::Crc(Crc::new(0xedb8_8320, 4)),
            "CRC32C" => Self::Crc(Crc::new(0x82f6_3b78, 4)),
            "CRC64NVME" => Self::Crc(Crc::new(0x9a6c_9329_ac4b_c9b5, 8)),
            _ => return None,
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha(context) => context.update(bytes),
            Self::Md5(context) => context.update(bytes),
            Self::Crc(crc) => crc.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha(context) => context.finish().as_ref().to_vec(),
            Self::Md5(context) => context.finalize().to_vec(),
            Self::Crc(crc) => crc.finish(),
        }
    }
}

/// A checksum whose bits are reflected, as all of those that Cloudflare has.
struct Crc {
    table: Box<[u64; 256]>,
    value: u64,
    /// Of the checksum.
    bytes: usize,
}

impl Crc {
    fn new(polynomial: u64, bytes: usize) -> Self {
        let mut table = Box::new([0; 256]);
        for (byte, entry) in (0..).zip(table.iter_mut()) {
            let mut value: u64 = byte;
            for _ in 0..8 {
                value = if value & 1 == 1 { value >> 1 ^ polynomial } else { value >> 1 };
            }
            *entry = value;
        }
        Self { table, value: u64::MAX >> (64 - 8 * bytes), bytes }
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let index = (self.value ^ u64::from(*byte)) & 0xff;
            self.value = self.value >> 8 ^ self.table[index as usize];
        }
    }

    fn finish(self) -> Vec<u8> {
        let value = !self.value;
        value.to_be_bytes()[8 - self.bytes..].to_vec()
    }
}

struct DigestResource(RefCell<Digester>);

impl Resource for DigestResource {
    fn name(&self) -> Cow<'_, str> {
        "digest".into()
    }
}

fn unknown() -> JsErrorBox {
    let text = "Unrecognized or unimplemented digest algorithm requested.";
    JsErrorBox::new("DOMExceptionNotSupportedError", text)
}

/// Begins a digest.
#[op2(fast)]
#[smi]
pub(crate) fn op_digest_new(
    state: &mut OpState,
    #[string] name: &str,
) -> Result<ResourceId, JsErrorBox> {
    let digester = Digester::new(name).ok_or_else(unknown)?;
    Ok(state.resource_table.add(DigestResource(RefCell::new(digester))))
}

/// Takes more data.
#[op2(fast)]
pub(crate) fn op_digest_update(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] bytes: &[u8],
) -> Result<(), JsErrorBox> {
    let gone = |_| JsErrorBox::type_error("This digest is over.");
    let resource = state.resource_table.get::<DigestResource>(rid).map_err(gone)?;
    resource.0.borrow_mut().update(bytes);
    Ok(())
}

/// Ends a digest.
#[op2]
pub(crate) fn op_digest_finish(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Uint8Array, JsErrorBox> {
    let gone = || JsErrorBox::type_error("This digest is over.");
    let resource = state.resource_table.take::<DigestResource>(rid).map_err(|_| gone())?;
    let resource = std::rc::Rc::into_inner(resource).ok_or_else(gone)?;
    Ok(Uint8Array::from(resource.0.into_inner().finish()))
}

/// Whether these are the same bytes; how long that takes tells their number only.
#[op2(fast)]
pub(crate) fn op_timing_safe_equal(#[buffer] left: &[u8], #[buffer] right: &[u8]) -> bool {
    let pairs = left.iter().zip(right);
    let difference = pairs.fold(0, |all, (left, right)| std::hint::black_box(all | (left ^ right)));
    left.len() == right.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(name: &str, pieces: &[&str]) -> String {
        let mut digester = Digester::new(name).unwrap();
        for piece in pieces {
            digester.update(piece.as_bytes());
        }
        digester.finish().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn digests_are_those_of_their_standards() {
        for (name, expected) in [
            ("md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            ("crc32", "352441c2"),
            ("crc32c", "364b3fb7"),
            ("crc64nvme", "05e5cabb3fc1faeb"),
        ] {
            assert_eq!(hex(name, &["abc"]), expected, "{name}");
            assert_eq!(hex(name, &["a", "", "bc"]), expected, "{name}");
        }
        // (The check value of CRC catalogues.)
        assert_eq!(hex("CRC32", &["123456789"]), "cbf43926");
        assert!(Digester::new("SHA-3").is_none());
    }
}
