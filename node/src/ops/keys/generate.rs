//! New keys.

use deno_core::op2;
use deno_error::JsErrorBox;
use rsa::rand_core::RngCore as _;
use rsa::{BigUint, RsaPrivateKey};

use super::{Curve, EcPrivate, Parsed, PrivateKey, RsaKind};

/// Making a longer one would hold a thread for minutes.
const MAX_NEW_RSA_BITS: u32 = 4096;
const MIN_NEW_RSA_BITS: u32 = 512;

/// A new pair: of `bits` for RSA, on a curve of that name for the others.
#[op2]
pub(crate) fn op_node_key_generate(
    #[string] kind: &str,
    bits: u32,
    exponent: u32,
    #[string] curve: &str,
) -> Result<Parsed, JsErrorBox> {
    let rng = &mut rand::thread_rng();
    let mut seed = [0; 32];
    let key = match kind {
        "rsa" | "rsa-pss" => {
            if !(MIN_NEW_RSA_BITS..=MAX_NEW_RSA_BITS).contains(&bits) {
                return Err(JsErrorBox::range_error(format!(
                    "modulusLength must be {MIN_NEW_RSA_BITS} to {MAX_NEW_RSA_BITS} bits"
                )));
            }
            let failed = |_| JsErrorBox::generic("error:02000065:rsa routines::bad e value");
            let exponent = BigUint::from(exponent);
            let key = RsaPrivateKey::new_with_exp(rng, bits as usize, &exponent).map_err(failed)?;
            let kind = if kind == "rsa" { RsaKind::Any } else { RsaKind::Pss };
            PrivateKey::Rsa(Box::new(key), kind)
        }
        "ec" => {
            let curve = Curve::named(curve)
                .ok_or_else(|| JsErrorBox::type_error("Invalid EC curve name"))?;
            PrivateKey::Ec(EcPrivate::random(curve))
        }
        "ed25519" => {
            rng.fill_bytes(&mut seed);
            PrivateKey::Ed25519(seed)
        }
        "x25519" => {
            rng.fill_bytes(&mut seed);
            PrivateKey::X25519(seed)
        }
        _ => return Err(super::not_for_this_key()),
    };
    Parsed::of_private(&key)
}
