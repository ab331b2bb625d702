//! Secrets that two sides agree on: ECDH, X25519, and Diffie-Hellman of numbers.

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use num_bigint_dig::BigUint;

use super::{Curve, EcPrivate, EcPublic, PrivateKey, PublicKey, not_for_this_key};

/// The longest prime of a group, in bits.
const MAX_GROUP_BITS: usize = 8192;

fn unknown_curve() -> JsErrorBox {
    JsErrorBox::type_error("Invalid EC curve name")
}

/// The secret of two keys.
#[op2]
pub(crate) fn op_node_agree(
    #[buffer] private: &[u8],
    #[buffer] public: &[u8],
) -> Result<Uint8Array, JsErrorBox> {
    Ok(match (PrivateKey::from_der(private)?, PublicKey::from_der(public)?) {
        (PrivateKey::Ec(own), PublicKey::Ec(other)) => {
            own.agree(&other).ok_or_else(not_for_this_key)?
        }
        (PrivateKey::X25519(own), PublicKey::X25519(other)) => {
            let own = x25519_dalek::StaticSecret::from(own);
            let shared = own.diffie_hellman(&x25519_dalek::PublicKey::from(other));
            if !shared.was_contributory() {
                return Err(JsErrorBox::generic("failed during derivation"));
            }
            shared.as_bytes().to_vec()
        }
        _ => return Err(not_for_this_key()),
    }
    .into())
}

/// A random private number of a curve.
#[op2]
pub(crate) fn op_node_ecdh_new(#[string] curve: &str) -> Result<Uint8Array, JsErrorBox> {
    let curve = Curve::named(curve).ok_or_else(unknown_curve)?;
    Ok(EcPrivate::random(curve).scalar().into())
}

/// The point of a private number; nothing if it is none of the curve's.
#[op2]
pub(crate) fn op_node_ecdh_public(
    #[string] curve: &str,
    #[buffer] scalar: &[u8],
) -> Result<Option<Uint8Array>, JsErrorBox> {
    let curve = Curve::named(curve).ok_or_else(unknown_curve)?;
    let key = EcPrivate::from_scalar(curve, scalar).ok();
    Ok(key.map(|key| key.public().point(false).into()))
}

/// The secret of a private number and a point; nothing if that is not on the curve.
#[op2]
pub(crate) fn op_node_ecdh_agree(
    #[string] curve: &str,
    #[buffer] scalar: &[u8],
    #[buffer] point: &[u8],
) -> Result<Option<Uint8Array>, JsErrorBox> {
    let curve = Curve::named(curve).ok_or_else(unknown_curve)?;
    let key = EcPrivate::from_scalar(curve, scalar)?;
    let other = EcPublic::from_point(curve, point).ok();
    Ok(other.and_then(|other| key.agree(&other)).map(Uint8Array::from))
}

/// A point in another form; nothing if it is not on the curve.
#[op2]
pub(crate) fn op_node_ecdh_convert(
    #[string] curve: &str,
    #[buffer] point: &[u8],
    compressed: bool,
) -> Result<Option<Uint8Array>, JsErrorBox> {
    let curve = Curve::named(curve).ok_or_else(unknown_curve)?;
    let point = EcPublic::from_point(curve, point).ok();
    Ok(point.map(|point| point.point(compressed).into()))
}

/// `base` to the power of `exponent`, by the modulus; big-endian, as long as that is.
#[op2]
pub(crate) fn op_node_mod_pow(
    #[buffer] base: &[u8],
    #[buffer] exponent: &[u8],
    #[buffer] modulus: &[u8],
) -> Result<Uint8Array, JsErrorBox> {
    let [base, exponent, modulus] = [base, exponent, modulus].map(BigUint::from_bytes_be);
    if modulus.bits() < 2 || modulus.bits() > MAX_GROUP_BITS || exponent.bits() > MAX_GROUP_BITS {
        return Err(JsErrorBox::range_error("the prime is too long"));
    }
    let bytes = base.modpow(&exponent, &modulus).to_bytes_be();
    let mut out = vec![0; modulus.bits().div_ceil(8) - bytes.len()];
    out.extend(bytes);
    Ok(out.into())
}
