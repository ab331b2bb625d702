//! Signatures: RSA, ECDSA, Ed25519.

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use rsa::traits::{PublicKeyParts as _, SignatureScheme};
use rsa::{Pkcs1v15Sign, Pss};

use super::{Curve, PrivateKey, PublicKey, RsaKind, no_key, not_for_this_key};
use crate::ops::hash::{digest, normal};

/// OpenSSL's number of PSS.
const PSS_PADDING: i32 = 6;
/// Lengths of salt that are no numbers: as the digest, as long as fits, as found.
const SALT_DIGEST: i32 = -1;
const SALT_MAX: i32 = -2;

fn invalid_digest() -> JsErrorBox {
    JsErrorBox::type_error("Invalid digest")
}

/// One expression for the digests that RSA signs.
macro_rules! with_digest {
    ($name:expr, $D:ident => $result:expr) => {
        match normal($name).as_str() {
            "md5" => {
                type $D = md5::Md5;
                Some($result)
            }
            "sha1" => {
                type $D = sha1::Sha1;
                Some($result)
            }
            "sha224" => {
                type $D = sha2::Sha224;
                Some($result)
            }
            "sha256" => {
                type $D = sha2::Sha256;
                Some($result)
            }
            "sha384" => {
                type $D = sha2::Sha384;
                Some($result)
            }
            "sha512" => {
                type $D = sha2::Sha512;
                Some($result)
            }
            "sha512-224" => {
                type $D = sha2::Sha512_224;
                Some($result)
            }
            "sha512-256" => {
                type $D = sha2::Sha512_256;
                Some($result)
            }
            "sha3-256" => {
                type $D = sha3::Sha3_256;
                Some($result)
            }
            "sha3-384" => {
                type $D = sha3::Sha3_384;
                Some($result)
            }
            "sha3-512" => {
                type $D = sha3::Sha3_512;
                Some($result)
            }
            "ripemd160" => {
                type $D = ripemd::Ripemd160;
                Some($result)
            }
            _ => None,
        }
    };
}
pub(crate) use with_digest;

fn pkcs1(name: &str) -> Option<Pkcs1v15Sign> {
    with_digest!(name, D => Pkcs1v15Sign::new::<D>())
}

fn pss(name: &str, salt: usize) -> Option<Pss> {
    with_digest!(name, D => Pss::new_with_salt::<D>(salt))
}

/// How many bytes of salt there are, or may be.
fn salt_length(asked: i32, bits: usize, hash: usize, signing: bool) -> Result<usize, JsErrorBox> {
    let longest = bits.saturating_sub(1).div_ceil(8).checked_sub(hash + 2);
    let longest = longest.ok_or_else(|| JsErrorBox::generic("digest too big for rsa key"))?;
    match asked {
        SALT_DIGEST => Ok(hash),
        SALT_MAX if signing => Ok(longest),
        asked => usize::try_from(asked).map_err(|_| not_for_this_key()),
    }
}

struct Request<'a> {
    digest: &'a str,
    data: &'a [u8],
    padding: i32,
    salt: i32,
    /// r and s behind each other, not in DER.
    flat: bool,
}

impl Request<'_> {
    fn hashed(&self) -> Result<Vec<u8>, JsErrorBox> {
        digest(self.digest, self.data).ok_or_else(invalid_digest)
    }

    fn is_pss(&self, kind: RsaKind) -> bool {
        kind == RsaKind::Pss || self.padding == PSS_PADDING
    }

    fn sign(&self, key: &PrivateKey) -> Result<Vec<u8>, JsErrorBox> {
        let failed = |_| JsErrorBox::generic("the signature could not be made");
        match key {
            PrivateKey::Rsa(key, kind) => {
                let hashed = self.hashed()?;
                let rng = &mut rand::thread_rng();
                if self.is_pss(*kind) {
                    let salt = salt_length(self.salt, key.n().bits(), hashed.len(), true)?;
                    let scheme = pss(self.digest, salt).ok_or_else(invalid_digest)?;
                    return key.sign_with_rng(rng, scheme, &hashed).map_err(failed);
                }
                let scheme = pkcs1(self.digest).ok_or_else(invalid_digest)?;
                key.sign_with_rng(rng, scheme, &hashed).map_err(failed)
            }
            PrivateKey::Ec(key) => {
                let flat = key.sign(&self.hashed()?)?;
                if self.flat { Ok(flat) } else { Ok(der_of(&flat)) }
            }
            PrivateKey::Ed25519(seed) => {
                use ed25519_dalek::Signer as _;
                if !self.digest.is_empty() {
                    return Err(not_for_this_key());
                }
                Ok(ed25519_dalek::SigningKey::from_bytes(seed).sign(self.data).to_vec())
            }
            PrivateKey::X25519(_) => Err(not_for_this_key()),
        }
    }

    fn verify(&self, key: &PublicKey, signature: &[u8]) -> Result<bool, JsErrorBox> {
        match key {
            PublicKey::Rsa(key, kind) => {
                let hashed = self.hashed()?;
                if self.is_pss(*kind) {
                    return self.verify_pss(key, &hashed, signature);
                }
                let scheme = pkcs1(self.digest).ok_or_else(invalid_digest)?;
                Ok(key.verify(scheme, &hashed, signature).is_ok())
            }
            PublicKey::Ec(key) => {
                let hashed = self.hashed()?;
                if self.flat {
                    return Ok(key.verify(&hashed, signature));
                }
                let flat = flat_of(signature, key.curve());
                Ok(flat.is_some_and(|flat| key.verify(&hashed, &flat)))
            }
            PublicKey::Ed25519(key) => {
                if !self.digest.is_empty() {
                    return Err(not_for_this_key());
                }
                let key = ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| no_key())?;
                let signature = ed25519_dalek::Signature::from_slice(signature);
                Ok(signature.is_ok_and(|signature| {
                    ed25519_dalek::Verifier::verify(&key, self.data, &signature).is_ok()
                }))
            }
            PublicKey::X25519(_) => Err(not_for_this_key()),
        }
    }

    /// A salt may have any length if nobody says which.
    fn verify_pss(
        &self,
        key: &rsa::RsaPublicKey,
        hashed: &[u8],
        signature: &[u8],
    ) -> Result<bool, JsErrorBox> {
        let longest = salt_length(SALT_MAX, key.n().bits(), hashed.len(), true)?;
        let lengths = match self.salt {
            SALT_MAX => 0..=longest,
            asked => {
                let length = salt_length(asked, key.n().bits(), hashed.len(), false)?;
                length..=length
            }
        };
        for length in lengths {
            let scheme = pss(self.digest, length).ok_or_else(invalid_digest)?;
            if scheme.verify(key, hashed, signature).is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Two numbers in DER.
fn der_of(flat: &[u8]) -> Vec<u8> {
    let (r, s) = flat.split_at(flat.len() / 2);
    let mut body = Vec::new();
    for number in [r, s] {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let bytes = &number[first..];
        let sign = usize::from(bytes[0] & 0x80 != 0);
        body.push(2);
        body.extend(u8::try_from(bytes.len() + sign));
        body.extend(std::iter::repeat_n(0, sign));
        body.extend_from_slice(bytes);
    }
    let mut out = vec![0x30];
    if body.len() > 127 {
        out.push(0x81);
    }
    out.extend(u8::try_from(body.len()));
    out.extend(body);
    out
}

/// Two numbers out of DER, each as long as the curve's are.
fn flat_of(der: &[u8], curve: Curve) -> Option<Vec<u8>> {
    let rest = der.strip_prefix(&[0x30])?;
    let (length, rest) = match rest {
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [length @ 0..=127, rest @ ..] => (usize::from(*length), rest),
        _ => return None,
    };
    let mut rest = (rest.len() == length).then_some(rest)?;
    let mut flat = Vec::new();
    for _ in 0..2 {
        let [2, length, tail @ ..] = rest else { return None };
        let (number, tail) = tail.split_at_checked(usize::from(*length))?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let missing = curve.size().checked_sub(number.len())?;
        flat.resize(flat.len() + missing, 0);
        flat.extend_from_slice(number);
        rest = tail;
    }
    rest.is_empty().then_some(flat)
}

/// How to sign: the padding of RSA, its salt, and whether r and s stand without DER.
type How = (i32, i32, bool);

#[op2]
pub(crate) fn op_node_sign(
    #[buffer] private: &[u8],
    #[string] digest: &str,
    #[buffer] data: &[u8],
    #[serde] (padding, salt, flat): How,
) -> Result<Uint8Array, JsErrorBox> {
    let key = PrivateKey::from_der(private)?;
    Ok(Request { digest, data, padding, salt, flat }.sign(&key)?.into())
}

#[op2]
pub(crate) fn op_node_verify(
    #[buffer] public: &[u8],
    #[string] digest: &str,
    #[buffer] data: &[u8],
    #[serde] (padding, salt, flat): How,
    #[buffer] signature: &[u8],
) -> Result<bool, JsErrorBox> {
    let key = PublicKey::from_der(public)?;
    Request { digest, data, padding, salt, flat }.verify(&key, signature)
}
