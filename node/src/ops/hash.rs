//! Digests, by Node's names for them.

use std::borrow::Cow;
use std::cell::RefCell;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use digest::{DynDigest, ExtendableOutput, InvalidBufferSize, Update, XofReader};

/// One that is under way.
pub(crate) enum Hash {
    Fixed(Box<dyn DynDigest>),
    Shake128(sha3::Shake128),
    Shake256(sha3::Shake256),
}

/// What `getHashes()` lists of the algorithms here.
const NAMES: &[&str] = &[
    "DSA-SHA",
    "DSA-SHA1",
    "RSA-MD5",
    "RSA-RIPEMD160",
    "RSA-SHA1",
    "RSA-SHA224",
    "RSA-SHA256",
    "RSA-SHA3-224",
    "RSA-SHA3-256",
    "RSA-SHA3-384",
    "RSA-SHA3-512",
    "RSA-SHA384",
    "RSA-SHA512",
    "RSA-SHA512/224",
    "RSA-SHA512/256",
    "blake2b512",
    "blake2s256",
    "ecdsa-with-SHA1",
    "md4",
    "md5",
    "md5-sha1",
    "ripemd160",
    "rmd160",
    "sha1",
    "sha224",
    "sha256",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "sha384",
    "sha512",
    "sha512-224",
    "sha512-256",
    "shake128",
    "shake256",
];

/// The name without what people put around it.
pub(crate) fn normal(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix("rsa-").unwrap_or(&lower);
    match bare {
        "sha-1" | "sha-224" | "sha-256" | "sha-384" | "sha-512" => bare.replace('-', ""),
        "sha512/224" | "sha-512/224" => "sha512-224".into(),
        "sha512/256" | "sha-512/256" => "sha512-256".into(),
        "dsa-sha" | "dsa-sha1" | "ecdsa-with-sha1" => "sha1".into(),
        "ripemd" | "rmd160" | "ripemd-160" => "ripemd160".into(),
        _ => bare.into(),
    }
}

/// A digest and the bytes of its blocks.
fn fixed(name: &str) -> Option<(Box<dyn DynDigest>, usize)> {
    Some(match normal(name).as_str() {
        "md4" => (Box::<md4::Md4>::default(), 64),
        "md5" => (Box::<md5::Md5>::default(), 64),
        "md5-sha1" => (Box::<Md5Sha1>::default(), 64),
        "sha1" => (Box::<sha1::Sha1>::default(), 64),
        "sha224" => (Box::<sha2::Sha224>::default(), 64),
        "sha256" => (Box::<sha2::Sha256>::default(), 64),
        "sha384" => (Box::<sha2::Sha384>::default(), 128),
        "sha512" => (Box::<sha2::Sha512>::default(), 128),
        "sha512-224" => (Box::<sha2::Sha512_224>::default(), 128),
        "sha512-256" => (Box::<sha2::Sha512_256>::default(), 128),
        "sha3-224" => (Box::<sha3::Sha3_224>::default(), 144),
        "sha3-256" => (Box::<sha3::Sha3_256>::default(), 136),
        "sha3-384" => (Box::<sha3::Sha3_384>::default(), 104),
        "sha3-512" => (Box::<sha3::Sha3_512>::default(), 72),
        "ripemd160" => (Box::<ripemd::Ripemd160>::default(), 64),
        "blake2b512" => (Box::<blake2::Blake2b512>::default(), 128),
        "blake2s256" => (Box::<blake2::Blake2s256>::default(), 64),
        _ => return None,
    })
}

/// MD5 and SHA-1, one behind the other, as TLS before 1.2 signs.
#[derive(Clone, Default)]
struct Md5Sha1(md5::Md5, sha1::Sha1);

impl DynDigest for Md5Sha1 {
    fn update(&mut self, data: &[u8]) {
        DynDigest::update(&mut self.0, data);
        DynDigest::update(&mut self.1, data);
    }

    fn finalize_into(self, buf: &mut [u8]) -> Result<(), InvalidBufferSize> {
        let mut this = self;
        DynDigest::finalize_into_reset(&mut this, buf)
    }

    fn finalize_into_reset(&mut self, out: &mut [u8]) -> Result<(), InvalidBufferSize> {
        let (md5, sha1) = out.split_at_mut_checked(16).ok_or(InvalidBufferSize)?;
        DynDigest::finalize_into_reset(&mut self.0, md5)?;
        DynDigest::finalize_into_reset(&mut self.1, sha1)
    }

    fn reset(&mut self) {
        DynDigest::reset(&mut self.0);
        DynDigest::reset(&mut self.1);
    }

    fn output_size(&self) -> usize {
        16 + 20
    }

    fn box_clone(&self) -> Box<dyn DynDigest> {
        Box::new(self.clone())
    }
}

/// A keyed hash, for one message.
pub(crate) struct Hmac {
    inner: Box<dyn DynDigest>,
    outer: Box<dyn DynDigest>,
}

impl Hmac {
    /// `None` for an algorithm that is not known.
    pub(crate) fn new(name: &str, key: &[u8]) -> Option<Self> {
        let (mut inner, block) = fixed(name)?;
        let (mut outer, _) = fixed(name)?;
        let mut padded = if key.len() > block { digest(name, key)? } else { key.to_vec() };
        padded.resize(block, 0);
        let with = |pad: u8| padded.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
        inner.update(&with(0x36));
        outer.update(&with(0x5c));
        Some(Self { inner, outer })
    }

    fn update(&mut self, bytes: &[u8]) {
        self.inner.update(bytes);
    }

    /// The code of a message in pieces; the key stays for the next one.
    pub(crate) fn mac(&self, pieces: &[&[u8]]) -> Vec<u8> {
        let mut copy = Self { inner: self.inner.box_clone(), outer: self.outer.box_clone() };
        for piece in pieces {
            copy.update(piece);
        }
        copy.finish()
    }

    fn finish(mut self) -> Vec<u8> {
        self.outer.update(&self.inner.finalize());
        self.outer.finalize().into_vec()
    }
}

/// The digest of bytes that are all there; `None` for an unknown algorithm.
pub(crate) fn digest(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut hash, _) = fixed(name)?;
    hash.update(bytes);
    Some(hash.finalize().into_vec())
}

impl Hash {
    fn new(name: &str) -> Option<Self> {
        Some(match normal(name).as_str() {
            "shake128" => Self::Shake128(sha3::Shake128::default()),
            "shake256" => Self::Shake256(sha3::Shake256::default()),
            _ => Self::Fixed(fixed(name)?.0),
        })
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Fixed(hash) => hash.update(bytes),
            Self::Shake128(hash) => hash.update(bytes),
            Self::Shake256(hash) => hash.update(bytes),
        }
    }

    fn copy(&self) -> Self {
        match self {
            Self::Fixed(hash) => Self::Fixed(hash.box_clone()),
            Self::Shake128(hash) => Self::Shake128(hash.clone()),
            Self::Shake256(hash) => Self::Shake256(hash.clone()),
        }
    }

    /// Of SHAKE as many bytes as are asked for.
    fn finish(self, length: Option<usize>) -> Option<Vec<u8>> {
        match self {
            Self::Fixed(hash) => {
                let out = hash.finalize().into_vec();
                length.is_none_or(|length| length == out.len()).then_some(out)
            }
            Self::Shake128(hash) => {
                let mut out = vec![0; length.unwrap_or(16)];
                hash.finalize_xof().read(&mut out);
                Some(out)
            }
            Self::Shake256(hash) => {
                let mut out = vec![0; length.unwrap_or(32)];
                hash.finalize_xof().read(&mut out);
                Some(out)
            }
        }
    }
}

enum Work {
    Hash(Box<Hash>),
    Hmac(Box<Hmac>),
}

struct HashResource(RefCell<Work>);

impl Resource for HashResource {
    fn name(&self) -> Cow<'_, str> {
        "nodeHash".into()
    }
}

/// The longest that a SHAKE may be asked for, in bytes.
const MAX_OUTPUT_BYTES: u32 = 1 << 28;

fn gone() -> JsErrorBox {
    JsErrorBox::type_error("This digest is over.")
}

#[op2]
#[serde]
pub(crate) fn op_node_hash_names() -> Vec<&'static str> {
    NAMES.to_vec()
}

/// Begins a digest, or an HMAC if there is a key; -1 when nobody knows the algorithm.
#[op2]
#[smi]
pub(crate) fn op_node_hash_new(
    state: &mut OpState,
    #[string] name: &str,
    #[buffer] key: Option<&[u8]>,
) -> i32 {
    let work = match key {
        Some(key) => Hmac::new(name, key).map(|hmac| Work::Hmac(Box::new(hmac))),
        None => Hash::new(name).map(|hash| Work::Hash(Box::new(hash))),
    };
    let add = |work| state.resource_table.add(HashResource(RefCell::new(work)));
    work.map(add).and_then(|rid| i32::try_from(rid).ok()).unwrap_or(-1)
}

#[op2(fast)]
pub(crate) fn op_node_hash_update(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] bytes: &[u8],
) -> Result<(), JsErrorBox> {
    let resource = state.resource_table.get::<HashResource>(rid).map_err(|_| gone())?;
    match &mut *resource.0.borrow_mut() {
        Work::Hash(hash) => hash.update(bytes),
        Work::Hmac(hmac) => hmac.update(bytes),
    }
    Ok(())
}

/// A second digest that goes on from here.
#[op2(fast)]
#[smi]
pub(crate) fn op_node_hash_copy(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<ResourceId, JsErrorBox> {
    let resource = state.resource_table.get::<HashResource>(rid).map_err(|_| gone())?;
    let copy = match &*resource.0.borrow() {
        Work::Hash(hash) => hash.copy(),
        Work::Hmac(_) => return Err(gone()),
    };
    Ok(state.resource_table.add(HashResource(RefCell::new(Work::Hash(Box::new(copy))))))
}

/// Ends it. `length` is that of the output in bytes, -1 for the usual one; where
/// the algorithm has no such output there is none.
#[op2]
pub(crate) fn op_node_hash_finish(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[smi] length: i32,
) -> Result<Option<Uint8Array>, JsErrorBox> {
    let resource = state.resource_table.take::<HashResource>(rid).map_err(|_| gone())?;
    let resource = std::rc::Rc::into_inner(resource).ok_or_else(gone)?;
    let length = u32::try_from(length).ok();
    if length.is_some_and(|length| length > MAX_OUTPUT_BYTES) {
        return Err(JsErrorBox::range_error("The output of the digest would be too long."));
    }
    Ok(match resource.0.into_inner() {
        Work::Hash(hash) => hash.finish(length.map(|length| length as usize)),
        Work::Hmac(hmac) => Some(hmac.finish()),
    }
    .map(Uint8Array::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn all_names_are_known() {
        for name in NAMES {
            assert!(Hash::new(name).is_some(), "{name}");
        }
        assert!(Hash::new("md17").is_none());
    }

    #[test]
    fn old_ones_are_those_of_boringssl() {
        let of = |name| hex(&digest(name, b"abc").unwrap());
        assert_eq!(of("md4"), "a448017aaf21d8525fc10ae87aa6729d");
        let both = "900150983cd24fb0d6963f7d28e17f72a9993e364706816aba3e25717850c26c9cd0d89d";
        assert_eq!(of("md5-sha1"), both);
        assert_eq!(of("DSA-SHA"), both[32..]);
        let mac = |name| hex(&Hmac::new(name, b"k").unwrap().mac(&[b"a", b"bc"]));
        assert_eq!(mac("md4"), "ddb0cc35728e49ef867419c5bf8cb11d");
        let both = "97cfbb1d0da23504b735e2eef8d66b6e3dbc979d1772d6058e8c63b9950eb9227f472173";
        assert_eq!(mac("md5-sha1"), both);
    }

    #[test]
    fn an_hmac_is_that_of_rfc_2202_and_4231() {
        let of = |name: &str, key: &[u8], data: &[u8]| {
            let mut hmac = Hmac::new(name, key).unwrap();
            hmac.update(data);
            hex(&hmac.finish())
        };
        assert_eq!(
            of("md5", b"Jefe", b"what do ya want for nothing?"),
            "750c783e6ab0b503eaa86e310a5db738"
        );
        let long = [0xaa; 131];
        let data = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert!(of("sha256", &long, data).starts_with("60e431591ee0b67f0d8a26aacbf5b77f"));
    }
}
