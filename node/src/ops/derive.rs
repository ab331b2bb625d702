//! Keys from passwords and from other keys; primes.

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use num_bigint_dig::prime::probably_prime;
use num_bigint_dig::{BigUint, RandPrime as _};

use super::hash::{Hmac, digest};

/// The longest output, in bytes.
const MAX_OUTPUT_BYTES: u32 = 1 << 26;

fn checked(length: u32) -> Result<usize, JsErrorBox> {
    if length > MAX_OUTPUT_BYTES {
        return Err(JsErrorBox::range_error("The derived key would be too long."));
    }
    Ok(length as usize)
}

/// PBKDF2 (RFC 8018) over HMAC; nothing when nobody knows the digest.
#[op2]
pub(crate) fn op_node_pbkdf2(
    #[buffer] password: &[u8],
    #[buffer] salt: &[u8],
    iterations: u32,
    length: u32,
    #[string] name: &str,
) -> Result<Option<Uint8Array>, JsErrorBox> {
    let length = checked(length)?;
    let Some(keyed) = Hmac::new(name, password) else { return Ok(None) };
    let mut out = Vec::with_capacity(length);
    let mut block = 1u32;
    while out.len() < length {
        let mut last = keyed.mac(&[salt, &block.to_be_bytes()]);
        let mut sum = last.clone();
        for _ in 1..iterations {
            last = keyed.mac(&[&last]);
            sum.iter_mut().zip(&last).for_each(|(sum, byte)| *sum ^= byte);
        }
        out.extend_from_slice(&sum);
        block += 1;
    }
    out.truncate(length);
    Ok(Some(out.into()))
}

/// scrypt (RFC 7914). Its parameters have been checked against the memory limit.
#[op2]
pub(crate) fn op_node_scrypt(
    #[buffer] password: &[u8],
    #[buffer] salt: &[u8],
    n: u32,
    r: u32,
    p: u32,
    length: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let mut out = vec![0; checked(length)?];
    let invalid = || JsErrorBox::range_error("Invalid scrypt params");
    if !n.is_power_of_two() || out.is_empty() {
        return if out.is_empty() { Ok(out.into()) } else { Err(invalid()) };
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| invalid())?;
    // The length that it takes is for password hashes, which this is not.
    let params = scrypt::Params::new(log_n, r, p, 32).map_err(|_| invalid())?;
    scrypt::scrypt(password, salt, &params, &mut out).map_err(|_| invalid())?;
    Ok(out.into())
}

/// HKDF (RFC 5869): extract, then expand.
#[op2]
pub(crate) fn op_node_hkdf(
    #[string] name: &str,
    #[buffer] key: &[u8],
    #[buffer] salt: &[u8],
    #[buffer] info: &[u8],
    length: u32,
) -> Result<Uint8Array, JsErrorBox> {
    let unknown = || JsErrorBox::type_error("Invalid digest");
    let length = checked(length)?;
    let extracted = Hmac::new(name, salt).ok_or_else(unknown)?.mac(&[key]);
    let expand = Hmac::new(name, &extracted).ok_or_else(unknown)?;
    let mut out = Vec::with_capacity(length);
    let mut last = Vec::new();
    for block in 1..=u8::MAX {
        if out.len() >= length {
            break;
        }
        last = expand.mac(&[&last, info, &[block]]);
        out.extend_from_slice(&last);
    }
    out.truncate(length);
    Ok(out.into())
}

/// How many bytes a digest has; 0 when nobody knows it.
#[op2(fast)]
#[smi]
pub(crate) fn op_node_hash_size(#[string] name: &str) -> u32 {
    digest(name, &[]).and_then(|out| u32::try_from(out.len()).ok()).unwrap_or(0)
}

/// The longest prime that is looked for, in bits.
const MAX_PRIME_BITS: u32 = 4096;
/// As many candidates are tried: what is asked for need not exist.
const MAX_CANDIDATES: usize = 100_000;
const ROUNDS: usize = 20;

#[op2(fast)]
pub(crate) fn op_node_prime_check(#[buffer] candidate: &[u8], rounds: u32) -> bool {
    let rounds = (rounds as usize).clamp(ROUNDS, 64);
    probably_prime(&BigUint::from_bytes_be(candidate), rounds)
}

/// A prime of so many bits, big-endian. With `add`: one more than a multiple of it,
/// or `rem` more; a safe one is so that half of it is prime as well.
#[op2]
pub(crate) fn op_node_prime_new(
    bits: u32,
    safe: bool,
    #[buffer] add: Option<&[u8]>,
    #[buffer] rem: Option<&[u8]>,
) -> Result<Uint8Array, JsErrorBox> {
    if !(2..=MAX_PRIME_BITS).contains(&bits) {
        return Err(JsErrorBox::range_error(format!("a prime has 2 to {MAX_PRIME_BITS} bits")));
    }
    let mut rng = rand::thread_rng();
    let one = BigUint::from(1u8);
    for _ in 0..MAX_CANDIDATES {
        let mut prime = if bits == 2 { BigUint::from(3u8) } else { rng.gen_prime(bits as usize) };
        if let Some(add) = add {
            let add = BigUint::from_bytes_be(add);
            if add.bits() == 0 || add.bits() > bits as usize {
                return Err(JsErrorBox::range_error("invalid options.add"));
            }
            let default = if safe { BigUint::from(3u8) } else { one.clone() };
            let rem = rem.map_or(default, BigUint::from_bytes_be);
            prime = &prime - (&prime % &add) + rem;
            if prime.bits() != bits as usize || !probably_prime(&prime, ROUNDS) {
                continue;
            }
        }
        if safe && bits > 2 && !probably_prime(&(&prime >> 1), ROUNDS) {
            continue;
        }
        return Ok(prime.to_bytes_be().into());
    }
    Err(JsErrorBox::generic("no such prime was found"))
}
