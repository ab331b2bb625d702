//! RSA for small messages: OAEP, PKCS #1, and the bare operation.

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, Oaep, Pkcs1v15Encrypt, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};

use super::sign::with_digest;
use super::{PrivateKey, PublicKey, not_for_this_key};
use crate::ops::hash::normal;

/// OpenSSL's numbers of paddings.
const PKCS1: i32 = 1;
const NONE: i32 = 3;
const OAEP: i32 = 4;

fn oaep(name: &str, label: &[u8]) -> Result<Oaep, JsErrorBox> {
    let label =
        std::str::from_utf8(label).map_err(|_| JsErrorBox::type_error("oaepLabel must be text"))?;
    let made = if label.is_empty() {
        with_digest!(name, D => Oaep::new::<D>())
    } else {
        with_digest!(name, D => Oaep::new_with_label::<D, _>(label))
    };
    made.ok_or_else(|| JsErrorBox::type_error("Invalid digest"))
}

fn unsupported_padding() -> JsErrorBox {
    JsErrorBox::generic("error:1C8000A5:Provider routines::illegal or unsupported padding mode")
}

fn too_large() -> JsErrorBox {
    JsErrorBox::generic("error:0200006E:rsa routines::data too large for key size")
}

fn bad_data() -> JsErrorBox {
    JsErrorBox::generic("error:02000079:rsa routines::oaep decoding error")
}

fn padded(number: &BigUint, size: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut out = vec![0; size.saturating_sub(bytes.len())];
    out.extend(bytes);
    out
}

/// A message as the number that it is, if it is below the modulus.
fn number(data: &[u8], modulus: &BigUint) -> Result<BigUint, JsErrorBox> {
    let number = BigUint::from_bytes_be(data);
    if number >= *modulus { Err(too_large()) } else { Ok(number) }
}

fn raw_public(key: &RsaPublicKey, data: &[u8]) -> Result<Vec<u8>, JsErrorBox> {
    let number = number(data, key.n())?;
    Ok(padded(&number.modpow(key.e(), key.n()), key.size()))
}

/// The bare operation, with a random factor in front so that its time tells nothing.
fn raw_private(key: &RsaPrivateKey, data: &[u8]) -> Result<Vec<u8>, JsErrorBox> {
    use rsa::rand_core::RngCore as _;
    let modulus = key.n();
    let number = number(data, modulus)?;
    let mut random = vec![0; key.size()];
    rand::thread_rng().fill_bytes(&mut random);
    let factor = BigUint::from_bytes_be(&random) % modulus + 1u8;
    let blinded = number * factor.modpow(key.e(), modulus) % modulus;
    let result = blinded.modpow(key.d(), modulus);
    let inverse = num_bigint_dig::ModInverse::mod_inverse(&factor, modulus)
        .and_then(|inverse| inverse.to_biguint())
        .ok_or_else(bad_data)?;
    Ok(padded(&(result * inverse % modulus), key.size()))
}

/// `publicEncrypt` and `publicDecrypt`.
#[op2]
pub(crate) fn op_node_rsa_public(
    #[buffer] public: &[u8],
    decrypt: bool,
    #[buffer] data: &[u8],
    #[smi] padding: i32,
    #[string] hash: &str,
    #[buffer] label: &[u8],
) -> Result<Uint8Array, JsErrorBox> {
    let PublicKey::Rsa(key, _) = PublicKey::from_der(public)? else {
        return Err(not_for_this_key());
    };
    let rng = &mut rand::thread_rng();
    Ok(match (padding, decrypt) {
        (NONE, _) => raw_public(&key, data)?,
        (PKCS1, false) => key.encrypt(rng, Pkcs1v15Encrypt, data).map_err(|_| too_large())?,
        (OAEP, false) => key.encrypt(rng, oaep(hash, label)?, data).map_err(|_| too_large())?,
        (PKCS1, true) => {
            let whole = raw_public(&key, data)?;
            let body = whole.strip_prefix(&[0, 1]).ok_or_else(bad_data)?;
            let end = body.iter().position(|byte| *byte != 0xff).ok_or_else(bad_data)?;
            if end < 8 || body[end] != 0 {
                return Err(bad_data());
            }
            body[end + 1..].to_vec()
        }
        _ => return Err(unsupported_padding()),
    }
    .into())
}

/// `privateDecrypt` and `privateEncrypt`.
#[op2]
pub(crate) fn op_node_rsa_private(
    #[buffer] private: &[u8],
    decrypt: bool,
    #[buffer] data: &[u8],
    #[smi] padding: i32,
    #[string] hash: &str,
    #[buffer] label: &[u8],
) -> Result<Uint8Array, JsErrorBox> {
    let PrivateKey::Rsa(key, _) = PrivateKey::from_der(private)? else {
        return Err(not_for_this_key());
    };
    let rng = &mut rand::thread_rng();
    Ok(match (padding, decrypt) {
        (NONE, _) => raw_private(&key, data)?,
        (OAEP, true) => {
            key.decrypt_blinded(rng, oaep(hash, label)?, data).map_err(|_| bad_data())?
        }
        (PKCS1, true) => key.decrypt_blinded(rng, Pkcs1v15Encrypt, data).map_err(|_| bad_data())?,
        (PKCS1, false) => {
            key.sign_with_rng(rng, Pkcs1v15Sign::new_unprefixed(), data).map_err(|_| too_large())?
        }
        _ => return Err(unsupported_padding()),
    }
    .into())
}
