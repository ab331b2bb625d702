//! AES and older codes, and their modes that hide and do not authenticate.

use aes::cipher::{Block as BlockOf, BlockDecrypt, BlockEncrypt, BlockSizeUser, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};

use super::Failure;
use super::names::{Code, Mode, Name};

/// In bytes.
pub(super) const BLOCK: usize = 16;
/// What the keys of RC2 are worth, as OpenSSL has it.
const RC2_BITS: usize = 128;

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
}

/// Hides blocks of one size.
trait Hides {
    fn encrypt(&self, block: &mut [u8]);
    fn decrypt(&self, block: &mut [u8]);
}

impl<C: BlockEncrypt + BlockDecrypt + BlockSizeUser> Hides for C {
    fn encrypt(&self, block: &mut [u8]) {
        self.encrypt_block(BlockOf::<C>::from_mut_slice(block));
    }

    fn decrypt(&self, block: &mut [u8]) {
        self.decrypt_block(BlockOf::<C>::from_mut_slice(block));
    }
}

fn made<C: KeyInit + Hides + 'static>(key: &[u8]) -> Result<Box<dyn Hides>, Failure> {
    C::new_from_slice(key).map(|code| Box::new(code) as Box<dyn Hides>).map_err(|_| Failure::Key)
}

fn code(code: Code, key: &[u8]) -> Result<Box<dyn Hides>, Failure> {
    match code {
        Code::Aes if key.len() == 16 => made::<Aes128>(key),
        Code::Aes if key.len() == 24 => made::<Aes192>(key),
        Code::Aes => made::<Aes256>(key),
        Code::Des => made::<des::Des>(key),
        Code::TwoDes => made::<des::TdesEde2>(key),
        Code::ThreeDes => made::<des::TdesEde3>(key),
        // However long the key is.
        Code::Rc2 => Ok(Box::new(rc2::Rc2::new_with_eff_key_len(key, RC2_BITS))),
        Code::None => Err(Failure::Key),
    }
}

/// Whole blocks: ECB and CBC, with PKCS #7 at the end.
pub(super) struct Blocks {
    code: Box<dyn Hides>,
    /// Bytes of a block.
    size: usize,
    encrypt: bool,
    /// The block before this one; nothing with ECB.
    chain: Option<Vec<u8>>,
    held: Vec<u8>,
    padding: bool,
}

impl Blocks {
    pub(super) fn new(name: Name, encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        let size = name.block;
        let chain = match name.mode {
            Mode::Cbc if iv.len() == size => Some(iv.to_vec()),
            Mode::Ecb if iv.is_empty() => None,
            _ => return Err(Failure::Iv),
        };
        let code = code(name.code, key)?;
        Ok(Self { code, size, encrypt, chain, held: Vec::new(), padding: true })
    }

    pub(super) fn set_padding(&mut self, on: bool) {
        self.padding = on;
    }

    /// Turns a block, where it is, into what comes out.
    fn turn(&mut self, block: &mut [u8]) {
        let Some(chain) = &mut self.chain else {
            return if self.encrypt { self.code.encrypt(block) } else { self.code.decrypt(block) };
        };
        if self.encrypt {
            xor(block, chain);
            self.code.encrypt(block);
            chain.copy_from_slice(block);
        } else {
            let hidden: [u8; BLOCK] = std::array::from_fn(|at| block.get(at).copied().unwrap_or(0));
            self.code.decrypt(block);
            xor(block, chain);
            chain.copy_from_slice(&hidden[..self.size]);
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(data);
        // The last block may be padding: it waits for the end.
        let waits = !self.encrypt && self.padding;
        let usable = self.held.len() - usize::from(waits && !self.held.is_empty());
        let whole = usable / self.size * self.size;
        let mut out = std::mem::take(&mut self.held);
        self.held = out.split_off(whole);
        let size = self.size;
        out.chunks_exact_mut(size).for_each(|block| self.turn(block));
        out
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, Failure> {
        let held = std::mem::take(&mut self.held);
        if !self.padding {
            return if held.is_empty() { Ok(Vec::new()) } else { Err(Failure::Length) };
        }
        if self.encrypt {
            let missing = self.size - held.len();
            let mut last = held;
            last.resize(self.size, u8::try_from(missing).expect("a block is short"));
            self.turn(&mut last);
            return Ok(last);
        }
        let mut out = held;
        if out.len() != self.size {
            return Err(Failure::Length);
        }
        self.turn(&mut out);
        let count = usize::from(out[self.size - 1]);
        let is_padding = (1..=self.size).contains(&count)
            && out[self.size - count..].iter().all(|byte| usize::from(*byte) == count);
        if !is_padding {
            return Err(Failure::Final);
        }
        out.truncate(self.size - count);
        Ok(out)
    }
}

fn xor(block: &mut [u8], with: &[u8]) {
    block.iter_mut().zip(with).for_each(|(byte, with)| *byte ^= with);
}

/// RC4: a stream of bytes that its key alone makes.
pub(super) struct Rc4 {
    state: [u8; 256],
    at: u8,
    sum: u8,
}

impl Rc4 {
    pub(super) fn new(key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        if key.is_empty() {
            return Err(Failure::Key);
        }
        if !iv.is_empty() {
            return Err(Failure::Iv);
        }
        let mut state: [u8; 256] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
        let mut sum = 0u8;
        for at in 0..state.len() {
            sum = sum.wrapping_add(state[at]).wrapping_add(key[at % key.len()]);
            state.swap(at, usize::from(sum));
        }
        Ok(Self { state, at: 0, sum: 0 })
    }

    pub(super) fn update(&mut self, data: &[u8]) -> Vec<u8> {
        let next = |byte: &u8| {
            self.at = self.at.wrapping_add(1);
            self.sum = self.sum.wrapping_add(self.state[usize::from(self.at)]);
            self.state.swap(usize::from(self.at), usize::from(self.sum));
            let sum =
                self.state[usize::from(self.at)].wrapping_add(self.state[usize::from(self.sum)]);
            byte ^ self.state[usize::from(sum)]
        };
        data.iter().map(next).collect()
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
