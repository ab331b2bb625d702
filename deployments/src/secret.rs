//! Secrets: encrypted at rest with AES-256-GCM.
//!
//! A [`Keyring`] has one key that encrypts, and others that only decrypt what
//! was encrypted before a rotation. The account, the Worker's name and the
//! binding's name are authenticated with each secret, so that a secret that is
//! copied to another row cannot be read there.

use std::io::Write as _;
use std::path::Path;
use std::{fmt, fs, io};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, hmac};

use selvedge_storage::failure::io_failure;
use selvedge_storage::file::sync_folder;

use crate::Error;
use crate::ids::WorkerKey;

/// A key: 256 bits.
pub const KEY_BYTES: usize = 32;

/// The text of a secret. It is not shown by `Debug`, and overwritten when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// This text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the Worker's `env` and nothing else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Without this the compiler may leave the loop out.
        std::hint::black_box(&bytes);
    }
}

/// A secret as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptedSecret {
    /// The id of the key that encrypted it.
    pub key_id: String,
    /// Random, used once.
    pub nonce: [u8; NONCE_LEN],
    /// The text, encrypted, and the tag.
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for EncryptedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptedSecret(key {})", self.key_id)
    }
}

/// The keys of a server.
pub struct Keyring {
    /// The first one encrypts.
    keys: Vec<Key>,
}

struct Key {
    id: String,
    aead: LessSafeKey,
    /// Makes keys for other purposes.
    mac: hmac::Key,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl Keyring {
    /// The first key encrypts, the others decrypt what they encrypted earlier.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is none.
    pub fn new(keys: &[[u8; KEY_BYTES]]) -> Result<Self, Error> {
        if keys.is_empty() {
            return Err(Error::Invalid("there is no key for secrets".to_owned()));
        }
        let keys = keys.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// A key as text: 64 hexadecimal digits, or base64 of 32 bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is neither. The text is not repeated.
    pub fn parse_key(text: &str) -> Result<[u8; KEY_BYTES], Error> {
        use base64::Engine as _;
        let text = text.trim();
        let bytes = match text.len() {
            64 => (0..KEY_BYTES)
                .map(|i| {
                    text.get(2 * i..2 * i + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok())
                })
                .collect::<Option<Vec<u8>>>(),
            _ => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        };
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
            Error::Invalid(
                "a key for secrets is 32 bytes, as 64 hexadecimal digits or as base64".to_owned(),
            )
        })
    }

    /// A new key, as text.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn random_key() -> Result<String, Error> {
        let mut bytes = [0; KEY_BYTES];
        fill_random(&mut bytes)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The keys of a file: one a line, the first one encrypts. A file that is
    /// missing is made with a new key, for its owner alone (mode 0600).
    ///
    /// # Errors
    /// When the file cannot be read or made, or others may read it.
    pub fn of_file(path: &Path) -> Result<Self, Error> {
        let io = |error: io::Error| Error::from(io_failure(path, &error));
        match fs::read_to_string(path) {
            Ok(text) => {
                check_mode(path)?;
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                let keys = lines.map(Self::parse_key).collect::<Result<Vec<_>, _>>();
                keys.and_then(|keys| Self::new(&keys))
                    .map_err(|error| Error::Invalid(format!("{}: {error}", path.display())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let text = Self::random_key()?;
                write_new(path, &format!("{text}\n")).map_err(io)?;
                Self::new(&[Self::parse_key(&text)?])
            }
            Err(error) => Err(io(error)),
        }
    }

    /// The id of the key that encrypts: a part of its hash.
    pub fn current_id(&self) -> &str {
        self.keys.first().map_or("", |key| &key.id)
    }

    /// A key for another purpose, made of the current key.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        let mut derived = [0; KEY_BYTES];
        if let Some(key) = self.keys.first() {
            let tag = hmac::sign(&key.mac, format!("selvedge {purpose}").as_bytes());
            derived.copy_from_slice(tag.as_ref());
        }
        derived
    }

    /// Encrypts the secret `name` of a Worker.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn seal(
        &self,
        worker: &WorkerKey,
        name: &str,
        text: &SecretText,
    ) -> Result<EncryptedSecret, Error> {
        self.seal_with(context(worker, name), text)
    }

    /// Encrypts a secret that is no Worker's. `place` is a line that names where it
    /// belongs.
    ///
    /// # Errors
    /// As [`Keyring::seal`].
    pub fn seal_at(&self, place: &str, text: &SecretText) -> Result<EncryptedSecret, Error> {
        self.seal_with(place_context(place), text)
    }

    fn seal_with(&self, context: Vec<u8>, text: &SecretText) -> Result<EncryptedSecret, Error> {
        let failed = || internal("a secret could not be encrypted");
        let key = self.keys.first().ok_or_else(failed)?;
        let mut nonce = [0; NONCE_LEN];
        fill_random(&mut nonce)?;
        let mut ciphertext = text.reveal().as_bytes().to_vec();
        key.aead
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut ciphertext,
            )
            .map_err(|_| failed())?;
        Ok(EncryptedSecret { key_id: key.id.clone(), nonce, ciphertext })
    }

    /// Decrypts the secret `name` of a Worker.
    ///
    /// # Errors
    /// [`Error::NoKey`] when its key is not here; a storage error when it was
    /// changed.
    pub fn open(
        &self,
        worker: &WorkerKey,
        name: &str,
        secret: &EncryptedSecret,
    ) -> Result<SecretText, Error> {
        let shown = || format!("the secret \"{name}\" of {worker}");
        self.open_with(context(worker, name), (name, &shown), secret)
    }

    /// Decrypts what [`Keyring::seal_at`] encrypted.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn open_at(&self, place: &str, secret: &EncryptedSecret) -> Result<SecretText, Error> {
        self.open_with(place_context(place), (place, &|| format!("the {place}")), secret)
    }

    /// `name` and what is said of it when it is damaged.
    fn open_with(
        &self,
        context: Vec<u8>,
        (name, shown): (&str, &dyn Fn() -> String),
        secret: &EncryptedSecret,
    ) -> Result<SecretText, Error> {
        let key = self
            .keys
            .iter()
            .find(|key| key.id == secret.key_id)
            .ok_or_else(|| Error::NoKey { name: name.to_owned(), key_id: secret.key_id.clone() })?;
        let damaged = || {
            let text = format!("{} is damaged", shown());
            Error::Storage(selvedge_storage::Error::Data(text))
        };
        let mut bytes = secret.ciphertext.clone();
        let nonce = Nonce::assume_unique_for_key(secret.nonce);
        let text =
            key.aead.open_in_place(nonce, Aad::from(context), &mut bytes).map_err(|_| damaged())?;
        let text = std::str::from_utf8(text).map_err(|_| damaged())?.to_owned();
        bytes.fill(0);
        Ok(SecretText(text))
    }
}

/// What the file says must be nobody's but its owner's.
fn check_mode(path: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let data = path.metadata().map_err(|error| io_failure(path, &error))?;
        if data.permissions().mode() & 0o077 != 0 {
            return Err(Error::Invalid(format!(
                "{} has the keys of the secrets, and others may read it: chmod 600 it",
                path.display()
            )));
        }
    }
    let _ = path;
    Ok(())
}

/// It appears whole or not at all.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(path)
}

fn key(bytes: &[u8; KEY_BYTES]) -> Result<Key, Error> {
    let aead = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| internal("not a key"))?;
    let hash = digest::digest(&digest::SHA256, bytes);
    // Of a random key 32 bits of its hash tell nothing.
    let id = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let mac = hmac::Key::new(hmac::HMAC_SHA256, bytes);
    Ok(Key { id, aead: LessSafeKey::new(aead), mac })
}

/// Names cannot hold a newline but the last one.
fn context(worker: &WorkerKey, name: &str) -> Vec<u8> {
    format!("selvedge secret 1\n{worker}\n{name}").into_bytes()
}

fn place_context(place: &str) -> Vec<u8> {
    format!("selvedge resource secret 1\n{place}").into_bytes()
}

fn internal(text: &str) -> Error {
    Error::Storage(selvedge_storage::Error::Internal(text.to_owned()))
}

pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|error| internal(&format!("no random numbers: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;

    fn worker(name: &str) -> WorkerKey {
        WorkerKey::new("0".repeat(32).parse::<AccountId>().expect("an id"), name).expect("a name")
    }

    #[test]
    fn a_secret_reads_back_only_where_it_belongs() {
        let keys = Keyring::new(&[[7; 32]]).expect("a key");
        let text = SecretText::new("hunter2".to_owned());
        let secret = keys.seal(&worker("a"), "TOKEN", &text).expect("sealed");
        assert_eq!(keys.open(&worker("a"), "TOKEN", &secret).expect("opened"), text);
        keys.open(&worker("b"), "TOKEN", &secret).expect_err("another Worker");
        keys.open(&worker("a"), "OTHER", &secret).expect_err("another name");
        let mut changed = secret.clone();
        changed.ciphertext[0] ^= 1;
        keys.open(&worker("a"), "TOKEN", &changed).expect_err("changed");
    }

    #[test]
    fn after_a_rotation_old_secrets_still_open() {
        let old = Keyring::new(&[[1; 32]]).expect("a key");
        let text = SecretText::new("x".to_owned());
        let secret = old.seal(&worker("a"), "S", &text).expect("sealed");
        let both = Keyring::new(&[[2; 32], [1; 32]]).expect("keys");
        assert_eq!(both.open(&worker("a"), "S", &secret).expect("opened"), text);
        assert_ne!(both.current_id(), old.current_id());
        assert_ne!(both.derive("x"), both.derive("y"));
        assert_ne!(both.derive("x"), old.derive("x"));
        let new = Keyring::new(&[[2; 32]]).expect("a key");
        assert_eq!(both.derive("x"), new.derive("x"));
        assert!(matches!(new.open(&worker("a"), "S", &secret), Err(Error::NoKey { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret.key");
        let first = Keyring::of_file(&path).expect("made");
        let mode = path.metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Keyring::of_file(&path).expect("read");
        assert_eq!(first.current_id(), second.current_id());
        let text = fs::read_to_string(&path).expect("text");
        fs::write(&path, format!("{}\n{text}", "ab".repeat(32))).expect("written");
        let rotated = Keyring::of_file(&path).expect("two keys");
        assert_ne!(rotated.current_id(), first.current_id());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        Keyring::of_file(&path).expect_err("others may read it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&path, "not a key").expect("written");
        let error = Keyring::of_file(&path).expect_err("no key").to_string();
        assert!(!error.contains("not a key"), "{error}");
    }

    #[test]
    fn nothing_shows_a_secret() {
        let text = SecretText::new("hunter2".to_owned());
        assert_eq!(format!("{text:?}"), "SecretText(..)");
        let keys = Keyring::new(&[[0x41; 32]]).expect("a key");
        assert!(!format!("{keys:?}").contains("4141"));
    }

    #[test]
    fn keys_are_read_as_hexadecimal_digits_or_base64() {
        let text = Keyring::random_key().expect("random");
        let key = Keyring::parse_key(&text).expect("hex");
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::STANDARD.encode(key);
        assert_eq!(Keyring::parse_key(&format!("{base64}\n")).expect("base64"), key);
        for text in ["", "abc", &"g".repeat(64), &"é".repeat(32)] {
            Keyring::parse_key(text).expect_err(text);
        }
    }
}
