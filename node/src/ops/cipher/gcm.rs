//! AES in Galois/Counter Mode (NIST SP 800-38D), a piece at a time.

use ghash::GHash;
use ghash::universal_hash::{KeyInit as _, UniversalHash as _};

use super::block::{Aes, BLOCK};
use super::{Failure, same};

pub(super) struct Gcm {
    aes: Aes,
    encrypt: bool,
    hash: GHash,
    /// What the tag is hidden with.
    mask: [u8; BLOCK],
    counter: [u8; BLOCK],
    block: [u8; BLOCK],
    used: usize,
    /// Bytes that the hash waits for the rest of a block with.
    held: Vec<u8>,
    aad_bytes: u64,
    text_bytes: u64,
}

/// The longest tag, in bytes.
const TAG: usize = 16;

impl Gcm {
    pub(super) fn new(encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        if iv.is_empty() {
            return Err(Failure::Iv);
        }
        let aes = Aes::new(key)?;
        let subkey = aes.encrypt(&[0; BLOCK]);
        let fresh = || GHash::new(&subkey.into());
        let mut counter = [0; BLOCK];
        if iv.len() == 12 {
            counter[..12].copy_from_slice(iv);
            counter[15] = 1;
        } else {
            let mut hash = fresh();
            hash.update_padded(iv);
            let bits = 8 * u128::try_from(iv.len()).unwrap_or(0);
            hash.update(&[bits.to_be_bytes().into()]);
            counter = hash.finalize().into();
        }
        let mask = aes.encrypt(&counter);
        let hash = fresh();
        Ok(Self {
            aes,
            encrypt,
            hash,
            mask,
            counter,
            block: [0; BLOCK],
            used: BLOCK,
            held: Vec::new(),
            aad_bytes: 0,
            text_bytes: 0,
        })
    }

    pub(super) fn aad(&mut self, data: &[u8]) {
        self.aad_bytes += data.len() as u64;
        self.absorb(data);
    }

    fn absorb(&mut self, data: &[u8]) {
        self.held.extend_from_slice(data);
        let whole = self.held.len() / BLOCK * BLOCK;
        self.hash.update_padded(&self.held[..whole]);
        self.held.drain(..whole);
    }

    /// The rest of a block, with zeros.
    fn pad(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.hash.update_padded(&held);
    }

    pub(super) fn update(&mut self, data: &[u8]) -> Vec<u8> {
        if self.text_bytes == 0 && !data.is_empty() {
            self.pad();
        }
        self.text_bytes += data.len() as u64;
        if !self.encrypt {
            self.absorb(data);
        }
        let mut out = Vec::with_capacity(data.len());
        for byte in data {
            if self.used == BLOCK {
                self.next();
            }
            out.push(byte ^ self.block[self.used]);
            self.used += 1;
        }
        if self.encrypt {
            self.absorb(&out);
        }
        out
    }

    /// The counter is the last 32 bits of its block.
    fn next(&mut self) {
        let [.., a, b, c, d] = self.counter;
        let count = u32::from_be_bytes([a, b, c, d]).wrapping_add(1);
        self.counter[12..].copy_from_slice(&count.to_be_bytes());
        self.block = self.aes.encrypt(&self.counter);
        self.used = 0;
    }

    /// Gives the tag, or compares it.
    pub(super) fn finish(mut self, expected: Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure> {
        self.pad();
        let mut lengths = [0; BLOCK];
        lengths[..8].copy_from_slice(&(8 * self.aad_bytes).to_be_bytes());
        lengths[8..].copy_from_slice(&(8 * self.text_bytes).to_be_bytes());
        self.hash.update(&[lengths.into()]);
        let hash: [u8; BLOCK] = self.hash.finalize().into();
        let tag: Vec<u8> = hash.iter().zip(&self.mask).map(|(left, right)| left ^ right).collect();
        if self.encrypt {
            return Ok(Some(tag));
        }
        let expected = expected.ok_or(Failure::Tag)?;
        let fits = (4..=TAG).contains(&expected.len()) && same(&tag[..expected.len()], expected);
        if fits { Ok(None) } else { Err(Failure::Tag) }
    }
}
