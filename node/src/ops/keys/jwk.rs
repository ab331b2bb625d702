//! Keys as JSON Web Keys have them.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use deno_core::op2;
use deno_error::JsErrorBox;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};

use super::{
    Curve, EcPrivate, EcPublic, Parsed, PrivateKey, PublicKey, RsaKind, no_key, not_for_this_key,
};

/// JSON Web Keys have no name for a curve.
fn no_jwk_curve(curve: Curve) -> JsErrorBox {
    JsErrorBox::generic(format!("Unsupported JWK EC curve: {}.", curve.name()))
}

type Members = BTreeMap<String, String>;

fn text(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn number(value: &BigUint) -> String {
    text(&value.to_bytes_be())
}

fn bytes_of(members: &Members, name: &str) -> Result<Vec<u8>, JsErrorBox> {
    let value = members.get(name).ok_or_else(no_key)?;
    BASE64URL_NOPAD.decode(value.trim_end_matches('=').as_bytes()).map_err(|_| no_key())
}

fn number_of(members: &Members, name: &str) -> Result<BigUint, JsErrorBox> {
    Ok(BigUint::from_bytes_be(&bytes_of(members, name)?))
}

/// The members of a key's JWK.
#[op2]
#[serde]
pub(crate) fn op_node_key_jwk(private: bool, #[buffer] der: &[u8]) -> Result<Members, JsErrorBox> {
    let mut members = Members::new();
    let key = if private { Some(PrivateKey::from_der(der)?) } else { None };
    let public = match &key {
        Some(key) => key.public(),
        None => PublicKey::from_der(der)?,
    };
    let mut put = |name: &str, value: String| members.insert(name.to_owned(), value);
    match &public {
        PublicKey::Rsa(key, RsaKind::Any) => {
            put("kty", "RSA".into());
            put("n", number(key.n()));
            put("e", number(key.e()));
        }
        PublicKey::Rsa(_, RsaKind::Pss) => return Err(not_for_this_key()),
        PublicKey::Ec(key) => {
            let point = key.point(false);
            let (x, y) = point[1..].split_at(key.curve().size());
            let name = key.curve().jwk_name().ok_or_else(|| no_jwk_curve(key.curve()))?;
            put("kty", "EC".into());
            put("crv", name.into());
            put("x", text(x));
            put("y", text(y));
        }
        PublicKey::Ed25519(key) | PublicKey::X25519(key) => {
            let is_signing = matches!(public, PublicKey::Ed25519(_));
            put("kty", "OKP".into());
            put("crv", if is_signing { "Ed25519" } else { "X25519" }.into());
            put("x", text(key));
        }
    }
    match &key {
        None => {}
        Some(PrivateKey::Rsa(key, _)) => {
            let [p, q, ..] = key.primes() else { return Err(no_key()) };
            put("d", number(key.d()));
            put("p", number(p));
            put("q", number(q));
            put("dp", number(&(key.d() % (p - 1u8))));
            put("dq", number(&(key.d() % (q - 1u8))));
            let inverse = key.crt_coefficient().ok_or_else(no_key)?;
            put("qi", number(&inverse));
        }
        Some(PrivateKey::Ec(key)) => {
            put("d", text(&key.scalar()));
        }
        Some(PrivateKey::Ed25519(seed) | PrivateKey::X25519(seed)) => {
            put("d", text(seed));
        }
    }
    Ok(members)
}

/// A key from the members of a JWK; private if there is a `d`.
#[op2]
pub(crate) fn op_node_key_from_jwk(#[serde] members: Members) -> Result<Parsed, JsErrorBox> {
    let kty = members.get("kty").map(String::as_str);
    let private = members.contains_key("d");
    match kty {
        Some("RSA") => {
            let (n, e) = (number_of(&members, "n")?, number_of(&members, "e")?);
            if !private {
                let key = RsaPublicKey::new_with_max_size(n, e, super::MAX_RSA_BITS);
                let key = key.map_err(|_| no_key())?;
                return Parsed::of_public(&PublicKey::Rsa(key, RsaKind::Any));
            }
            let primes = vec![number_of(&members, "p")?, number_of(&members, "q")?];
            let d = number_of(&members, "d")?;
            let key = RsaPrivateKey::from_components(n, e, d, primes).map_err(|_| no_key())?;
            Parsed::of_private(&PrivateKey::Rsa(Box::new(key), RsaKind::Any))
        }
        Some("EC") => {
            let curve =
                members.get("crv").and_then(|name| Curve::named(name)).ok_or_else(no_key)?;
            let mut point = vec![4];
            for name in ["x", "y"] {
                let coordinate = bytes_of(&members, name)?;
                let missing = curve.size().checked_sub(coordinate.len()).ok_or_else(no_key)?;
                point.resize(point.len() + missing, 0);
                point.extend(coordinate);
            }
            let public = EcPublic::from_point(curve, &point)?;
            if !private {
                return Parsed::of_public(&PublicKey::Ec(public));
            }
            let key = EcPrivate::from_scalar(curve, &bytes_of(&members, "d")?)?;
            if key.public().point(false) != point {
                return Err(no_key());
            }
            Parsed::of_private(&PrivateKey::Ec(key))
        }
        Some("OKP") => okp(&members, private),
        _ => Err(no_key()),
    }
}

fn okp(members: &Members, private: bool) -> Result<Parsed, JsErrorBox> {
    let bytes = bytes_of(members, if private { "d" } else { "x" })?;
    let bytes = super::fixed(&bytes)?;
    match (members.get("crv").map(String::as_str), private) {
        (Some("Ed25519"), true) => Parsed::of_private(&PrivateKey::Ed25519(bytes)),
        (Some("Ed25519"), false) => Parsed::of_public(&PublicKey::Ed25519(bytes)),
        (Some("X25519"), true) => Parsed::of_private(&PrivateKey::X25519(bytes)),
        (Some("X25519"), false) => Parsed::of_public(&PublicKey::X25519(bytes)),
        _ => Err(no_key()),
    }
}
