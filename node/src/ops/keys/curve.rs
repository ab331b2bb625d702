//! Elliptic curves, by name.

use deno_error::JsErrorBox;
use elliptic_curve::sec1::ToEncodedPoint as _;
use elliptic_curve::{PublicKey, SecretKey};
use k256::Secp256k1;
use p224::NistP224;
use p256::NistP256;
use p384::NistP384;
use p521::NistP521;
use rsa::pkcs8::ObjectIdentifier;

use super::{no_key, oid_of};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Curve {
    P224,
    P256,
    P384,
    P521,
    K256,
}

const ALL: [Curve; 5] = [Curve::P224, Curve::P256, Curve::P384, Curve::P521, Curve::K256];

impl Curve {
    /// OpenSSL's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P224 => "secp224r1",
            Self::P256 => "prime256v1",
            Self::P384 => "secp384r1",
            Self::P521 => "secp521r1",
            Self::K256 => "secp256k1",
        }
    }

    /// The name that JWKs have for it, if they have one.
    pub(crate) fn jwk_name(self) -> Option<&'static str> {
        Some(match self {
            Self::P224 => return None,
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::K256 => "secp256k1",
        })
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|curve| {
            curve.name() == name
                || curve.jwk_name() == Some(name)
                || (name == "secp256r1" && *curve == Self::P256)
        })
    }

    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P224 => oid_of::<NistP224>(),
            Self::P256 => oid_of::<NistP256>(),
            Self::P384 => oid_of::<NistP384>(),
            Self::P521 => oid_of::<NistP521>(),
            Self::K256 => oid_of::<Secp256k1>(),
        }
    }

    pub(crate) fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        ALL.into_iter().find(|curve| curve.oid() == oid)
    }

    /// How many bytes a coordinate has.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::P224 => 28,
            Self::P256 | Self::K256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

pub(crate) enum EcPrivate {
    P224(SecretKey<NistP224>),
    P256(SecretKey<NistP256>),
    P384(SecretKey<NistP384>),
    P521(SecretKey<NistP521>),
    K256(SecretKey<Secp256k1>),
}

pub(crate) enum EcPublic {
    P224(PublicKey<NistP224>),
    P256(PublicKey<NistP256>),
    P384(PublicKey<NistP384>),
    P521(PublicKey<NistP521>),
    K256(PublicKey<Secp256k1>),
}

/// One expression for all types.
macro_rules! each {
    ($value:expr, $enum:ident, $key:ident => $result:expr) => {
        match $value {
            $enum::P224($key) => $result,
            $enum::P256($key) => $result,
            $enum::P384($key) => $result,
            $enum::P521($key) => $result,
            $enum::K256($key) => $result,
        }
    };
}

impl EcPrivate {
    pub(crate) fn from_sec1(curve: Curve, der: &[u8]) -> Result<Self, JsErrorBox> {
        Ok(match curve {
            Curve::P224 => Self::P224(SecretKey::from_sec1_der(der).map_err(|_| no_key())?),
            Curve::P256 => Self::P256(SecretKey::from_sec1_der(der).map_err(|_| no_key())?),
            Curve::P384 => Self::P384(SecretKey::from_sec1_der(der).map_err(|_| no_key())?),
            Curve::P521 => Self::P521(SecretKey::from_sec1_der(der).map_err(|_| no_key())?),
            Curve::K256 => Self::K256(SecretKey::from_sec1_der(der).map_err(|_| no_key())?),
        })
    }

    /// The number that the key is, big-endian; short ones count as if zeros led.
    pub(crate) fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, JsErrorBox> {
        let size = curve.size();
        if scalar.len() > size {
            return Err(no_key());
        }
        let mut padded = vec![0; size - scalar.len()];
        padded.extend_from_slice(scalar);
        let bytes = padded.as_slice();
        Ok(match curve {
            Curve::P224 => Self::P224(SecretKey::from_slice(bytes).map_err(|_| no_key())?),
            Curve::P256 => Self::P256(SecretKey::from_slice(bytes).map_err(|_| no_key())?),
            Curve::P384 => Self::P384(SecretKey::from_slice(bytes).map_err(|_| no_key())?),
            Curve::P521 => Self::P521(SecretKey::from_slice(bytes).map_err(|_| no_key())?),
            Curve::K256 => Self::K256(SecretKey::from_slice(bytes).map_err(|_| no_key())?),
        })
    }

    pub(crate) fn random(curve: Curve) -> Self {
        let rng = &mut rand::thread_rng();
        match curve {
            Curve::P224 => Self::P224(SecretKey::random(rng)),
            Curve::P256 => Self::P256(SecretKey::random(rng)),
            Curve::P384 => Self::P384(SecretKey::random(rng)),
            Curve::P521 => Self::P521(SecretKey::random(rng)),
            Curve::K256 => Self::K256(SecretKey::random(rng)),
        }
    }

    pub(crate) fn curve(&self) -> Curve {
        match self {
            Self::P224(_) => Curve::P224,
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
            Self::K256(_) => Curve::K256,
        }
    }

    pub(crate) fn public(&self) -> EcPublic {
        match self {
            Self::P224(key) => EcPublic::P224(key.public_key()),
            Self::P256(key) => EcPublic::P256(key.public_key()),
            Self::P384(key) => EcPublic::P384(key.public_key()),
            Self::P521(key) => EcPublic::P521(key.public_key()),
            Self::K256(key) => EcPublic::K256(key.public_key()),
        }
    }

    pub(crate) fn scalar(&self) -> Vec<u8> {
        each!(self, Self, key => key.to_bytes().to_vec())
    }

    pub(crate) fn to_sec1(&self) -> Result<Vec<u8>, JsErrorBox> {
        each!(self, Self, key => key.to_sec1_der().map(|der| der.to_vec())).map_err(|_| no_key())
    }

    /// The x-coordinate that both sides come to.
    pub(crate) fn agree(&self, other: &EcPublic) -> Option<Vec<u8>> {
        use elliptic_curve::ecdh::diffie_hellman;
        macro_rules! shared {
            ($own:expr, $other:expr) => {
                diffie_hellman($own.to_nonzero_scalar(), $other.as_affine())
                    .raw_secret_bytes()
                    .to_vec()
            };
        }
        Some(match (self, other) {
            (Self::P224(own), EcPublic::P224(other)) => shared!(own, other),
            (Self::P256(own), EcPublic::P256(other)) => shared!(own, other),
            (Self::P384(own), EcPublic::P384(other)) => shared!(own, other),
            (Self::P521(own), EcPublic::P521(other)) => shared!(own, other),
            (Self::K256(own), EcPublic::K256(other)) => shared!(own, other),
            _ => return None,
        })
    }

    /// ECDSA of a digest, as r and s behind each other.
    pub(crate) fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, JsErrorBox> {
        let padded = at_least_half(digest, self.curve().size());
        let failed = |_| JsErrorBox::generic("the signature could not be made");
        macro_rules! signed {
            ($curve:ident, $key:expr) => {{
                use ecdsa::signature::hazmat::PrehashSigner as _;
                let bytes = $key.to_bytes();
                let key = $curve::ecdsa::SigningKey::from_slice(&bytes).map_err(failed)?;
                let made: $curve::ecdsa::Signature = key.sign_prehash(&padded).map_err(failed)?;
                made.to_bytes().to_vec()
            }};
        }
        Ok(match self {
            Self::P224(key) => signed!(p224, key),
            Self::P256(key) => signed!(p256, key),
            Self::P384(key) => signed!(p384, key),
            Self::P521(key) => signed!(p521, key),
            Self::K256(key) => signed!(k256, key),
        })
    }
}

impl EcPublic {
    /// A point in any of the forms of SEC 1.
    pub(crate) fn from_point(curve: Curve, point: &[u8]) -> Result<Self, JsErrorBox> {
        // What is called hybrid has the sign and both coordinates.
        let mut owned = point.to_vec();
        if let Some(first @ (6 | 7)) = owned.first_mut() {
            *first = 4;
        }
        let point = owned.as_slice();
        Ok(match curve {
            Curve::P224 => Self::P224(PublicKey::from_sec1_bytes(point).map_err(|_| no_key())?),
            Curve::P256 => Self::P256(PublicKey::from_sec1_bytes(point).map_err(|_| no_key())?),
            Curve::P384 => Self::P384(PublicKey::from_sec1_bytes(point).map_err(|_| no_key())?),
            Curve::P521 => Self::P521(PublicKey::from_sec1_bytes(point).map_err(|_| no_key())?),
            Curve::K256 => Self::K256(PublicKey::from_sec1_bytes(point).map_err(|_| no_key())?),
        })
    }

    pub(crate) fn curve(&self) -> Curve {
        match self {
            Self::P224(_) => Curve::P224,
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
            Self::P521(_) => Curve::P521,
            Self::K256(_) => Curve::K256,
        }
    }

    /// The point, compressed or whole.
    pub(crate) fn point(&self, compressed: bool) -> Vec<u8> {
        each!(self, Self, key => key.to_encoded_point(compressed).as_bytes().to_vec())
    }

    /// Whether r and s behind each other sign a digest.
    pub(crate) fn verify(&self, digest: &[u8], signature: &[u8]) -> bool {
        use ecdsa::signature::hazmat::PrehashVerifier as _;
        let padded = at_least_half(digest, self.curve().size());
        let point = self.point(false);
        macro_rules! verified {
            ($curve:ident) => {
                $curve::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok_and(|key| {
                    $curve::ecdsa::Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify_prehash(&padded, &signature).is_ok())
                })
            };
        }
        match self {
            Self::P224(_) => verified!(p224),
            Self::P256(_) => verified!(p256),
            Self::P384(_) => verified!(p384),
            Self::P521(_) => verified!(p521),
            // The curve's usual library takes one of two equal signatures only.
            Self::K256(_) => k256::ecdsa::VerifyingKey::from_sec1_bytes(&point).is_ok_and(|key| {
                k256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                    let signature = signature.normalize_s().unwrap_or(signature);
                    key.verify_prehash(&padded, &signature).is_ok()
                })
            }),
        }
    }
}

/// What stands for the digest: one shorter than half the field counts as if zeros led.
fn at_least_half(digest: &[u8], size: usize) -> Vec<u8> {
    let missing = size.div_ceil(2).saturating_sub(digest.len());
    let mut padded = vec![0; missing];
    padded.extend_from_slice(digest);
    padded
}
