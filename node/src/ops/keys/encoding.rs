//! Keys from what people keep them in (PEM or DER; PKCS #1, PKCS #8, SEC 1,
//! SubjectPublicKeyInfo), and back.

use deno_core::convert::Uint8Array;
use deno_core::op2;
use deno_error::JsErrorBox;
use rsa::RsaPublicKey;
use rsa::pkcs1::{DecodeRsaPublicKey as _, EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::der::{Any, AnyRef, Decode as _, Encode as _, asn1::BitStringRef};
use rsa::pkcs8::{AlgorithmIdentifierRef, EncryptedPrivateKeyInfo, PrivateKeyInfo};
use sec1::EcPrivateKey;
use spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::{
    Curve, EC, ED25519, EcPrivate, Parsed, PrivateKey, PublicKey, RsaKind, X25519, no_key,
    not_for_this_key,
};

/// Node's numbers of encodings.
const PKCS1: i32 = 0;
const PKCS8: i32 = 1;
const SPKI: i32 = 2;
const SEC1: i32 = 3;

impl PrivateKey {
    /// PKCS #8.
    pub(crate) fn to_der(&self) -> Result<Vec<u8>, JsErrorBox> {
        let (oid, parameters, bytes) = match self {
            Self::Rsa(key, kind) => {
                let der = key.to_pkcs1_der().map_err(|_| no_key())?;
                (kind.oid(), Some(AnyRef::NULL), der.as_bytes().to_vec())
            }
            Self::Ec(key) => {
                let curve = key.curve().oid();
                return pkcs8(EC, Some(AnyRef::from(&curve)), &key.to_sec1()?);
            }
            Self::Ed25519(seed) => (ED25519, None, [&[0x04, 0x20], &seed[..]].concat()),
            Self::X25519(secret) => (X25519, None, [&[0x04, 0x20], &secret[..]].concat()),
        };
        pkcs8(oid, parameters, &bytes)
    }
}

fn pkcs8(
    oid: rsa::pkcs8::ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    bytes: &[u8],
) -> Result<Vec<u8>, JsErrorBox> {
    PrivateKeyInfo::new(AlgorithmIdentifierRef { oid, parameters }, bytes)
        .to_der()
        .map_err(|_| no_key())
}

impl PublicKey {
    /// SubjectPublicKeyInfo.
    pub(crate) fn to_der(&self) -> Result<Vec<u8>, JsErrorBox> {
        let (oid, parameters, bytes) = match self {
            Self::Rsa(key, kind) => {
                let der = key.to_pkcs1_der().map_err(|_| no_key())?;
                (kind.oid(), Some(Any::null()), der.as_bytes().to_vec())
            }
            Self::Ec(key) => {
                let curve = key.curve().oid();
                (EC, Some(Any::from(&curve)), key.point(false))
            }
            Self::Ed25519(key) => (ED25519, None, key.to_vec()),
            Self::X25519(key) => (X25519, None, key.to_vec()),
        };
        let info = SubjectPublicKeyInfo {
            algorithm: AlgorithmIdentifier { oid, parameters },
            subject_public_key: BitStringRef::from_bytes(&bytes).map_err(|_| no_key())?,
        };
        info.to_der().map_err(|_| no_key())
    }
}

/// The label of the first PEM block, its headers, and its bytes.
fn pem(text: &[u8]) -> Option<(String, Vec<String>, Vec<u8>)> {
    let text = std::str::from_utf8(text).ok()?;
    let start = text.find("-----BEGIN ")?;
    let rest = &text[start + "-----BEGIN ".len()..];
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let mut headers = Vec::new();
    let mut base64 = String::new();
    for line in body.lines().map(str::trim) {
        if line.contains(':') {
            headers.push(line.to_owned());
        } else {
            base64.extend(line.chars().filter(|char| !char.is_whitespace()));
        }
    }
    let bytes = data_encoding::BASE64.decode(base64.as_bytes()).ok()?;
    Some((label.to_owned(), headers, bytes))
}

/// Says that the passphrase is missing or does not fit; JavaScript tells them apart.
fn bad_decrypt() -> JsErrorBox {
    JsErrorBox::generic("error:1C800064:Provider routines::bad decrypt")
}

fn need_passphrase() -> JsErrorBox {
    JsErrorBox::generic("Passphrase required for encrypted key")
}

/// A key from bytes. `encoding` is one of Node's numbers, or -1 where PEM's label
/// tells; for a public key the private one of the pair will do.
#[op2]
pub(crate) fn op_node_key_parse(
    private: bool,
    #[buffer] data: &[u8],
    is_pem: bool,
    #[smi] encoding: i32,
    #[buffer] passphrase: Option<&[u8]>,
) -> Result<Parsed, JsErrorBox> {
    if is_pem {
        let (label, headers, der) = pem(data).ok_or_else(no_key)?;
        return from_label(private, &label, &headers, der, passphrase);
    }
    if private {
        return Parsed::of_private(&private_from(encoding, data, passphrase)?);
    }
    match encoding {
        PKCS1 => {
            if let Ok(key) = RsaPublicKey::from_pkcs1_der(data) {
                return Parsed::of_public(&PublicKey::Rsa(key, RsaKind::Any));
            }
        }
        SPKI => return Parsed::of_public(&PublicKey::from_der(data)?),
        _ => {}
    }
    Parsed::of_public(&private_from(encoding, data, passphrase)?.public())
}

fn from_label(
    private: bool,
    label: &str,
    headers: &[String],
    der: Vec<u8>,
    passphrase: Option<&[u8]>,
) -> Result<Parsed, JsErrorBox> {
    let der = match headers.iter().find_map(|line| line.strip_prefix("DEK-Info:")) {
        Some(info) => {
            let passphrase = passphrase.ok_or_else(need_passphrase)?;
            super::super::cipher::open_pem(info.trim(), passphrase, &der).ok_or_else(bad_decrypt)?
        }
        None => der,
    };
    match label {
        "PUBLIC KEY" if !private => return Parsed::of_public(&PublicKey::from_der(&der)?),
        "RSA PUBLIC KEY" if !private => {
            let key = RsaPublicKey::from_pkcs1_der(&der).map_err(|_| no_key())?;
            return Parsed::of_public(&PublicKey::Rsa(key, RsaKind::Any));
        }
        "CERTIFICATE" if !private => {
            let spki = certificate_key(&der).ok_or_else(no_key)?;
            return Parsed::of_public(&PublicKey::from_der(&spki)?);
        }
        _ => {}
    }
    let encoding = match label {
        "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => PKCS8,
        "RSA PRIVATE KEY" => PKCS1,
        "EC PRIVATE KEY" => SEC1,
        _ => return Err(no_key()),
    };
    let key = private_from(encoding, &der, passphrase)?;
    if private { Parsed::of_private(&key) } else { Parsed::of_public(&key.public()) }
}

/// The public key of an X.509 certificate.
fn certificate_key(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(certificate.tbs_certificate.subject_pki.raw.to_vec())
}

fn private_from(
    encoding: i32,
    der: &[u8],
    passphrase: Option<&[u8]>,
) -> Result<PrivateKey, JsErrorBox> {
    match encoding {
        PKCS1 => PrivateKey::from_pkcs1(der, RsaKind::Any),
        SEC1 => {
            let parsed = EcPrivateKey::from_der(der).map_err(|_| no_key())?;
            let parameters = parsed.parameters.and_then(|parameters| parameters.named_curve());
            let curve = parameters.and_then(Curve::from_oid).ok_or_else(no_key)?;
            Ok(PrivateKey::Ec(EcPrivate::from_sec1(curve, der)?))
        }
        PKCS8 => match EncryptedPrivateKeyInfo::from_der(der) {
            Ok(encrypted) => {
                let passphrase = passphrase.ok_or_else(need_passphrase)?;
                let opened = encrypted.decrypt(passphrase).map_err(|_| bad_decrypt())?;
                PrivateKey::from_der(opened.as_bytes())
            }
            Err(_) => PrivateKey::from_der(der),
        },
        _ => Err(no_key()),
    }
}

/// A key in one of the encodings; with a passphrase PKCS #8 is encrypted, by AES-256
/// in CBC mode with a key of PBKDF2.
#[op2]
pub(crate) fn op_node_key_export(
    private: bool,
    #[buffer] der: &[u8],
    #[smi] encoding: i32,
    #[buffer] passphrase: Option<&[u8]>,
) -> Result<Uint8Array, JsErrorBox> {
    if !private {
        return Ok(match (encoding, PublicKey::from_der(der)?) {
            (PKCS1, PublicKey::Rsa(key, _)) => {
                key.to_pkcs1_der().map_err(|_| no_key())?.as_bytes().to_vec()
            }
            (SPKI, key) => key.to_der()?,
            _ => return Err(not_for_this_key()),
        }
        .into());
    }
    let key = PrivateKey::from_der(der)?;
    Ok(match (encoding, key) {
        (PKCS1, PrivateKey::Rsa(key, _)) => {
            key.to_pkcs1_der().map_err(|_| no_key())?.as_bytes().to_vec()
        }
        (SEC1, PrivateKey::Ec(key)) => sec1_with_curve(&key)?,
        (PKCS8, key) => {
            let plain = key.to_der()?;
            match passphrase {
                None => plain,
                Some(passphrase) => {
                    let info = PrivateKeyInfo::from_der(&plain).map_err(|_| no_key())?;
                    let sealed = info.encrypt(rand::thread_rng(), passphrase);
                    sealed.map_err(|_| no_key())?.as_bytes().to_vec()
                }
            }
        }
        _ => return Err(not_for_this_key()),
    }
    .into())
}

/// SEC 1 on its own says which curve it is.
fn sec1_with_curve(key: &EcPrivate) -> Result<Vec<u8>, JsErrorBox> {
    let scalar = key.scalar();
    let point = key.public().point(false);
    let whole = EcPrivateKey {
        private_key: &scalar,
        parameters: Some(sec1::EcParameters::NamedCurve(key.curve().oid())),
        public_key: Some(&point),
    };
    whole.to_der().map_err(|_| no_key())
}
