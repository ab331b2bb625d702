//! Ciphers, a piece at a time.

mod block;
mod gcm;
mod names;
mod poly;

use std::borrow::Cow;
use std::cell::RefCell;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, Resource, ResourceId, ToV8, op2};
use deno_error::JsErrorBox;
use md5::Digest as _;

use block::{Blocks, Rc4, Stream};
use gcm::Gcm;
use names::{Mode, Name};
use poly::ChaCha;

/// One that is under way.
enum Cipher {
    Blocks(Blocks),
    Stream(Stream),
    Rc4(Box<Rc4>),
    Gcm(Box<Gcm>),
    ChaCha(Box<ChaCha>),
}

/// What JavaScript makes Node's errors of.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Key,
    Iv,
    /// The end is not that of a message.
    Final,
    /// The last block is not whole.
    Length,
    Tag,
    State,
}

impl From<Failure> for JsErrorBox {
    fn from(failure: Failure) -> Self {
        let text = match failure {
            Failure::Key => "Invalid key length",
            Failure::Iv => "Invalid initialization vector",
            Failure::Final => "error:1C800064:Provider routines::bad decrypt",
            Failure::Length => "error:1C80006B:Provider routines::wrong final block length",
            Failure::Tag => "Unsupported state or unable to authenticate data",
            Failure::State => "Unsupported state",
        };
        Self::generic(text)
    }
}

impl Cipher {
    fn new(name: Name, encrypt: bool, key: &[u8], iv: &[u8]) -> Result<Self, Failure> {
        if !name.takes_key(key.len()) {
            return Err(Failure::Key);
        }
        Ok(match name.mode {
            Mode::Ecb | Mode::Cbc => Self::Blocks(Blocks::new(name, encrypt, key, iv)?),
            Mode::Ctr | Mode::Cfb | Mode::Ofb => {
                Self::Stream(Stream::new(name.mode, encrypt, key, iv)?)
            }
            Mode::Gcm => Self::Gcm(Box::new(Gcm::new(encrypt, key, iv)?)),
            Mode::ChaCha => Self::ChaCha(Box::new(ChaCha::new(encrypt, key, iv)?)),
            Mode::XChaCha => Self::ChaCha(Box::new(ChaCha::extended(encrypt, key, iv)?)),
            Mode::Rc4 => Self::Rc4(Box::new(Rc4::new(key, iv)?)),
        })
    }

    fn update(&mut self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Blocks(blocks) => blocks.update(data),
            Self::Stream(stream) => stream.update(data),
            Self::Rc4(rc4) => rc4.update(data),
            Self::Gcm(gcm) => gcm.update(data),
            Self::ChaCha(chacha) => chacha.update(data),
        }
    }

    /// The rest of the output, and the tag of what has one.
    fn finish(self, tag: Option<&[u8]>) -> Result<(Vec<u8>, Option<Vec<u8>>), Failure> {
        match self {
            Self::Blocks(blocks) => Ok((blocks.finish()?, None)),
            Self::Stream(_) | Self::Rc4(_) => Ok((Vec::new(), None)),
            Self::Gcm(gcm) => Ok((Vec::new(), gcm.finish(tag)?)),
            Self::ChaCha(chacha) => Ok((Vec::new(), chacha.finish(tag)?)),
        }
    }
}

/// Compares in a time that only the length tells.
fn same(left: &[u8], right: &[u8]) -> bool {
    let pairs = left.iter().zip(right);
    let difference = pairs.fold(0, |all, (left, right)| std::hint::black_box(all | (left ^ right)));
    left.len() == right.len() && difference == 0
}

struct CipherResource(RefCell<Cipher>);

impl Resource for CipherResource {
    fn name(&self) -> Cow<'_, str> {
        "nodeCipher".into()
    }
}

/// What `getCipherInfo()` tells.
#[derive(ToV8)]
pub(crate) struct Info {
    name: String,
    nid: u32,
    mode: String,
    key_length: u32,
    iv_length: u32,
    block_size: u32,
}

#[op2]
pub(crate) fn op_node_cipher_info(#[string] name: &str, nid: u32) -> Option<Info> {
    let name = if nid == 0 { Name::of(name)? } else { Name::numbered(nid)? };
    let number = |value: usize| u32::try_from(value).unwrap_or(0);
    Some(Info {
        name: name.text.to_owned(),
        nid: name.nid,
        mode: name.mode.text().to_owned(),
        key_length: number(name.key),
        iv_length: number(name.iv),
        block_size: number(name.block),
    })
}

#[op2]
#[serde]
pub(crate) fn op_node_cipher_names() -> Vec<&'static str> {
    names::all()
}

#[op2(fast)]
#[smi]
pub(crate) fn op_node_cipher_new(
    state: &mut OpState,
    #[string] name: &str,
    encrypt: bool,
    #[buffer] key: &[u8],
    #[buffer] iv: &[u8],
) -> Result<ResourceId, JsErrorBox> {
    let name = Name::of(name).ok_or_else(|| JsErrorBox::generic("Unknown cipher"))?;
    let cipher = Cipher::new(name, encrypt, key, iv)?;
    Ok(state.resource_table.add(CipherResource(RefCell::new(cipher))))
}

fn find(state: &OpState, rid: ResourceId) -> Result<std::rc::Rc<CipherResource>, JsErrorBox> {
    state.resource_table.get::<CipherResource>(rid).map_err(|_| Failure::State.into())
}

#[op2]
pub(crate) fn op_node_cipher_update(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] data: &[u8],
) -> Result<Uint8Array, JsErrorBox> {
    let cipher = find(state, rid)?;
    let out = cipher.0.borrow_mut().update(data);
    Ok(out.into())
}

/// Data that is authenticated and not hidden, before all other.
#[op2(fast)]
pub(crate) fn op_node_cipher_aad(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] data: &[u8],
) -> Result<bool, JsErrorBox> {
    let cipher = find(state, rid)?;
    match &mut *cipher.0.borrow_mut() {
        Cipher::Gcm(gcm) => gcm.aad(data),
        Cipher::ChaCha(chacha) => chacha.aad(data),
        _ => return Ok(false),
    }
    Ok(true)
}

#[op2(fast)]
pub(crate) fn op_node_cipher_padding(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    on: bool,
) -> Result<(), JsErrorBox> {
    if let Cipher::Blocks(blocks) = &mut *find(state, rid)?.0.borrow_mut() {
        blocks.set_padding(on);
    }
    Ok(())
}

/// The end of a cipher.
#[derive(ToV8)]
pub(crate) struct End {
    rest: Uint8Array,
    tag: Option<Uint8Array>,
}

/// Ends it; `tag` is the one to compare with, where there is one.
#[op2]
pub(crate) fn op_node_cipher_finish(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    #[buffer] tag: Option<&[u8]>,
) -> Result<End, JsErrorBox> {
    let gone = || JsErrorBox::from(Failure::State);
    let resource = state.resource_table.take::<CipherResource>(rid).map_err(|_| gone())?;
    let resource = std::rc::Rc::into_inner(resource).ok_or_else(gone)?;
    let (rest, tag) = resource.0.into_inner().finish(tag)?;
    Ok(End { rest: rest.into(), tag: tag.map(Uint8Array::from) })
}

/// Opens what `DEK-Info` of a PEM block says how: name and initialization vector.
pub(crate) fn open_pem(info: &str, passphrase: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let (name, iv) = info.split_once(',')?;
    let name = Name::of(name.trim())?;
    let iv = data_encoding::HEXUPPER_PERMISSIVE.decode(iv.trim().as_bytes()).ok()?;
    let salt = iv.get(..8)?;
    let mut key = Vec::new();
    let mut last = Vec::new();
    while key.len() < name.key {
        last = md5::Md5::new()
            .chain_update(&last)
            .chain_update(passphrase)
            .chain_update(salt)
            .finalize()
            .to_vec();
        key.extend_from_slice(&last);
    }
    let mut cipher = Cipher::new(name, false, &key[..name.key], &iv).ok()?;
    let mut out = cipher.update(data);
    out.extend(cipher.finish(None).ok()?.0);
    Some(out)
}

#[cfg(test)]
mod tests;
