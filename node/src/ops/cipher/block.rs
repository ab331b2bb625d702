//! AES, and its modes that hide and do not authenticate.

use aes::cipher::{BlockDecrypt as _, BlockEncrypt as _, KeyInit as _};
use aes::{Aes128, Aes192, Aes256, Block};

use super::Failure;
use super::names::Mode;

/// In bytes.
pub(super) const BLOCK: usize = 16;

pub(super) enum Aes {
    Short(Box<Aes128>),
    Middle(Box<Aes192>),
    Long(Box<Aes256>),
}

impl Aes {
    pub(super) fn new(key: &[u8]) -> Result<Self, Failure> {
        let bad = |_| Failure::Key;
        Ok(match key.len() {
            16 => Self::Short(Box::new(Aes128::new_from_slice(key).map_err(bad)?)),
            24 => Self::Middle(Box::new(Aes192::new_from_slice(key).map_err(bad)?)),
            _ => Self::Long(Box::new(Aes256::new_from_slice(key).map_err(bad)?)),
        })
    }

    pub(super) fn encrypt(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Block::from(*block);
        match self {
            Self::Short(aes) => aes.encrypt_block(&mut block),
            Self::Middle(aes) => aes.encrypt_block(&mut block),
            Self::Long(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    fn decrypt(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Block::from(*block);
        match self {
            Self::Short(aes) => aes.decrypt_block(&mut block),
            Self::Middle(aes) => aes.decrypt_block(&mut block),
            Self::Long(aes) => aes.decrypt_block(&mut block),
        }
        block.into()
    }
}

fn xor(left: &[u8; BLOCK], right: &[u8; BLOCK]) -> [u8; BLOCK] {
    std::array::from_fn(|at| left[at] ^ right[at])
}

/// Whole blocks: ECB and CBC, with PKCS #7 at the end.
pub(super) struct Blocks {
    aes: Aes,
    encrypt: bool,
    /// The block before this one; nothing with ECB.
    chain: Option<[u8; BLOCK]>,
    held: Vec<u8>,
    padding: bool,
}

impl Blocks {
    pub(super) fn new(mode: Mode, encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        let chain = match mode {
            Mode::Cbc => Some(iv.try_into().map_err(|_| Failure::Iv)?),
            _ if iv.is_empty() => None,
            _ => return Err(Failure::Iv),
        };
        Ok(Self { aes: Aes::new(key)?, encrypt, chain, held: Vec::new(), padding: true })
    }

    pub(super) fn set_padding(&mut self, on: bool) {
        self.padding = on;
    }

    fn block(&mut self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        if self.encrypt {
            let input = self.chain.map_or(block, |chain| xor(&block, &chain));
            let out = self.aes.encrypt(&input);
            self.chain = self.chain.map(|_| out);
            return out;
        }
        let out = self.aes.decrypt(&block);
        let out = self.chain.map_or(out, |chain| xor(&out, &chain));
        self.chain = self.chain.map(|_| block);
        out
    }

    pub(super) fn update(&mut self, data: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(data);
        // The last block may be padding: it waits for the end.
        let waits = !self.encrypt && self.padding;
        let usable = self.held.len() - usize::from(waits && !self.held.is_empty());
        let whole = usable / BLOCK * BLOCK;
        let held = std::mem::take(&mut self.held);
        let mut out = Vec::with_capacity(whole);
        for chunk in held[..whole].chunks_exact(BLOCK) {
            out.extend(self.block(chunk.try_into().expect("a chunk is a block")));
        }
        self.held = held[whole..].to_vec();
        out
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Failure> {
        let held = std::mem::take(&mut self.held);
        if !self.padding {
            return if held.is_empty() { Ok(Vec::new()) } else { Err(Failure::Final) };
        }
        if self.encrypt {
            let missing = BLOCK - held.len();
            let mut last = held;
            last.resize(BLOCK, u8::try_from(missing).expect("a block is short"));
            let last = last.try_into().map_err(|_| Failure::Final)?;
            return Ok(self.block(last).to_vec());
        }
        let last: [u8; BLOCK] = held.try_into().map_err(|_| Failure::Final)?;
        let mut out = self.block(last).to_vec();
        let count = usize::from(out[BLOCK - 1]);
        let is_padding = (1..=BLOCK).contains(&count)
            && out[BLOCK - count..].iter().all(|byte| usize::from(*byte) == count);
        if !is_padding {
            return Err(Failure::Final);
        }
        out.truncate(BLOCK - count);
        Ok(out)
    }
}

/// A stream of bytes to combine with: CTR, CFB and OFB.
pub(super) struct Stream {
    aes: Aes,
    mode: Mode,
    encrypt: bool,
    /// What the next block of the stream is made of.
    register: [u8; BLOCK],
    block: [u8; BLOCK],
    /// How much of the block is used.
    used: usize,
}

impl Stream {
    pub(super) fn new(mode: Mode, encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        let register = iv.try_into().map_err(|_| Failure::Iv)?;
        let aes = Aes::new(key)?;
        Ok(Self { aes, mode, encrypt, register, block: [0; BLOCK], used: BLOCK })
    }

    fn next(&mut self) {
        self.block = self.aes.encrypt(&self.register);
        self.used = 0;
        match self.mode {
            Mode::Ctr => {
                let count = u128::from_be_bytes(self.register).wrapping_add(1);
                self.register = count.to_be_bytes();
            }
            Mode::Ofb => self.register = self.block,
            // The text that is hidden goes in, byte by byte.
            _ => {}
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len());
        for byte in data {
            if self.used == BLOCK {
                self.next();
            }
            let result = byte ^ self.block[self.used];
            if self.mode == Mode::Cfb {
                self.register[self.used] = if self.encrypt { result } else { *byte };
            }
            self.used += 1;
            out.push(result);
        }
        out
    }
}
