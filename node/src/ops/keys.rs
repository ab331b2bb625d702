//! Keys of two halves. Between ops they are DER in JavaScript's hands: PKCS #8 for
//! private ones, SubjectPublicKeyInfo for public ones.

mod curve;
mod encoding;
pub(crate) mod exchange;
pub(crate) mod generate;
mod jwk;
pub(crate) mod rsa_crypt;
pub(crate) mod sign;

use deno_core::convert::Uint8Array;
use deno_core::{ToV8, op2};
use deno_error::JsErrorBox;
use rsa::pkcs8::{ObjectIdentifier, PrivateKeyInfo, der::Decode as _};
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};
use spki::SubjectPublicKeyInfoRef;

pub(crate) use curve::{Curve, EcPrivate, EcPublic};
pub(crate) use encoding::{op_node_key_export, op_node_key_parse};
pub(crate) use jwk::{op_node_key_from_jwk, op_node_key_jwk};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = elliptic_curve::ALGORITHM_OID;
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The longest RSA key that is worked with, in bits: longer ones hold a thread.
pub(crate) const MAX_RSA_BITS: usize = 16_384;

/// A private key, ready for use.
pub(crate) enum PrivateKey {
    Rsa(Box<RsaPrivateKey>, RsaKind),
    Ec(EcPrivate),
    Ed25519([u8; 32]),
    X25519([u8; 32]),
}

/// A public key, ready for use.
pub(crate) enum PublicKey {
    Rsa(RsaPublicKey, RsaKind),
    Ec(EcPublic),
    Ed25519([u8; 32]),
    X25519([u8; 32]),
}

/// What an RSA key is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RsaKind {
    Any,
    Pss,
}

impl RsaKind {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Any => RSA,
            Self::Pss => RSA_PSS,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Any => "rsa",
            Self::Pss => "rsa-pss",
        }
    }
}

/// Says that bytes are no key; JavaScript makes Node's error of it.
pub(crate) fn no_key() -> JsErrorBox {
    JsErrorBox::generic("error:1E08010C:DECODER routines::unsupported")
}

/// Says that a kind of key cannot do what is asked.
pub(crate) fn not_for_this_key() -> JsErrorBox {
    JsErrorBox::generic("operation not supported for this keytype")
}

fn fixed(bytes: &[u8]) -> Result<[u8; 32], JsErrorBox> {
    bytes.try_into().map_err(|_| no_key())
}

impl PrivateKey {
    /// Reads PKCS #8.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, JsErrorBox> {
        let info = PrivateKeyInfo::from_der(der).map_err(|_| no_key())?;
        let oid = info.algorithm.oid;
        if oid == RSA || oid == RSA_PSS {
            let kind = if oid == RSA { RsaKind::Any } else { RsaKind::Pss };
            return Self::from_pkcs1(info.private_key, kind);
        }
        if oid == EC {
            let curve = info.algorithm.parameters_oid().map_err(|_| no_key())?;
            let curve = Curve::from_oid(curve).ok_or_else(no_key)?;
            return Ok(Self::Ec(EcPrivate::from_sec1(curve, info.private_key)?));
        }
        // An octet string within the octet string.
        let seed = info.private_key.strip_prefix(&[0x04, 0x20]).ok_or_else(no_key)?;
        if oid == ED25519 {
            return Ok(Self::Ed25519(fixed(seed)?));
        }
        if oid == X25519 {
            return Ok(Self::X25519(fixed(seed)?));
        }
        Err(no_key())
    }

    fn from_pkcs1(der: &[u8], kind: RsaKind) -> Result<Self, JsErrorBox> {
        use rsa::pkcs1::DecodeRsaPrivateKey as _;
        let key = RsaPrivateKey::from_pkcs1_der(der).map_err(|_| no_key())?;
        if key.n().bits() > MAX_RSA_BITS {
            return Err(no_key());
        }
        Ok(Self::Rsa(Box::new(key), kind))
    }

    pub(crate) fn public(&self) -> PublicKey {
        match self {
            Self::Rsa(key, kind) => PublicKey::Rsa(key.to_public_key(), *kind),
            Self::Ec(key) => PublicKey::Ec(key.public()),
            Self::Ed25519(seed) => {
                let key = ed25519_dalek::SigningKey::from_bytes(seed);
                PublicKey::Ed25519(key.verifying_key().to_bytes())
            }
            Self::X25519(secret) => {
                let secret = x25519_dalek::StaticSecret::from(*secret);
                PublicKey::X25519(x25519_dalek::PublicKey::from(&secret).to_bytes())
            }
        }
    }
}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo.
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, JsErrorBox> {
        use rsa::pkcs1::DecodeRsaPublicKey as _;
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| no_key())?;
        let bytes = info.subject_public_key.as_bytes().ok_or_else(no_key)?;
        let oid = info.algorithm.oid;
        if oid == RSA || oid == RSA_PSS {
            let key = RsaPublicKey::from_pkcs1_der(bytes).map_err(|_| no_key())?;
            let kind = if oid == RSA { RsaKind::Any } else { RsaKind::Pss };
            return Ok(Self::Rsa(key, kind));
        }
        if oid == EC {
            let curve = info.algorithm.parameters_oid().map_err(|_| no_key())?;
            let curve = Curve::from_oid(curve).ok_or_else(no_key)?;
            return Ok(Self::Ec(EcPublic::from_point(curve, bytes)?));
        }
        if oid == ED25519 {
            return Ok(Self::Ed25519(fixed(bytes)?));
        }
        if oid == X25519 {
            return Ok(Self::X25519(fixed(bytes)?));
        }
        Err(no_key())
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Rsa(_, kind) => kind.name(),
            Self::Ec(_) => "ec",
            Self::Ed25519(_) => "ed25519",
            Self::X25519(_) => "x25519",
        }
    }
}

/// A pair or its public half, for JavaScript.
#[derive(ToV8)]
pub(crate) struct Parsed {
    /// Node's name of the kind.
    kind: String,
    private: Option<Uint8Array>,
    public: Uint8Array,
}

impl Parsed {
    pub(crate) fn of_private(key: &PrivateKey) -> Result<Self, JsErrorBox> {
        let public = key.public();
        Ok(Self {
            kind: public.kind().to_owned(),
            private: Some(key.to_der()?.into()),
            public: public.to_der()?.into(),
        })
    }

    pub(crate) fn of_public(key: &PublicKey) -> Result<Self, JsErrorBox> {
        Ok(Self { kind: key.kind().to_owned(), private: None, public: key.to_der()?.into() })
    }
}

/// What `asymmetricKeyDetails` shows.
#[derive(ToV8)]
pub(crate) struct Details {
    /// In bits; 0 if it is no RSA key.
    modulus_length: u32,
    public_exponent: Uint8Array,
    named_curve: String,
}

#[op2]
pub(crate) fn op_node_key_details(#[buffer] public: &[u8]) -> Result<Details, JsErrorBox> {
    let none = || Vec::new().into();
    Ok(match PublicKey::from_der(public)? {
        PublicKey::Rsa(key, _) => Details {
            modulus_length: u32::try_from(key.n().bits()).unwrap_or(u32::MAX),
            public_exponent: key.e().to_bytes_be().into(),
            named_curve: String::new(),
        },
        PublicKey::Ec(key) => Details {
            modulus_length: 0,
            public_exponent: none(),
            named_curve: key.curve().name().to_owned(),
        },
        PublicKey::Ed25519(_) | PublicKey::X25519(_) => {
            Details { modulus_length: 0, public_exponent: none(), named_curve: String::new() }
        }
    })
}

/// The curves of the table in `curve`; their numbers are of the crates' types.
fn oid_of<C: rsa::pkcs8::AssociatedOid>() -> ObjectIdentifier {
    C::OID
}
