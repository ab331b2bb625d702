//! ChaCha20 with Poly1305 (RFC 8439), a piece at a time.

use chacha20::ChaCha20;
use chacha20::cipher::generic_array::GenericArray;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _};
use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};

use super::{Failure, same};

const BLOCK: usize = 16;

pub(super) struct ChaCha {
    cipher: ChaCha20,
    hash: Poly1305,
    encrypt: bool,
    held: Vec<u8>,
    aad_bytes: u64,
    text_bytes: u64,
}

impl ChaCha {
    pub(super) fn new(encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        if iv.is_empty() || iv.len() > 12 {
            return Err(Failure::Iv);
        }
        // A short one counts as if zeros led.
        let mut nonce = [0; 12];
        nonce[12 - iv.len()..].copy_from_slice(iv);
        let mut cipher = ChaCha20::new_from_slices(key, &nonce).map_err(|_| Failure::Key)?;
        let mut first = [0; 32];
        cipher.apply_keystream(&mut first);
        cipher.seek(64u32);
        let hash = Poly1305::new(&first.into());
        Ok(Self { cipher, hash, encrypt, held: Vec::new(), aad_bytes: 0, text_bytes: 0 })
    }

    /// XChaCha20: a key that is made of the first 16 bytes of the initialization vector.
    pub(super) fn extended(encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        let key: &[u8; 32] = key.try_into().map_err(|_| Failure::Key)?;
        let iv: &[u8; 24] = iv.try_into().map_err(|_| Failure::Iv)?;
        let (begin, end) = iv.split_at(16);
        let key = chacha20::hchacha::<chacha20::cipher::consts::U10>(
            key.into(),
            GenericArray::from_slice(begin),
        );
        Self::new(encrypt, &key, end)
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
        let mut out = data.to_vec();
        self.cipher.apply_keystream(&mut out);
        if self.encrypt {
            self.absorb(&out);
        }
        out
    }

    /// Gives the tag, or compares it.
    pub(super) fn finish(mut self, expected: Option<&[u8]>) -> Result<Option<Vec<u8>>, Failure> {
        self.pad();
        let mut lengths = [0; BLOCK];
        lengths[..8].copy_from_slice(&self.aad_bytes.to_le_bytes());
        lengths[8..].copy_from_slice(&self.text_bytes.to_le_bytes());
        self.hash.update(&[lengths.into()]);
        let tag: [u8; BLOCK] = self.hash.finalize().into();
        if self.encrypt {
            return Ok(Some(tag.to_vec()));
        }
        let expected = expected.ok_or(Failure::Tag)?;
        let fits = (1..=BLOCK).contains(&expected.len()) && same(&tag[..expected.len()], expected);
        if fits { Ok(None) } else { Err(Failure::Tag) }
    }
}
