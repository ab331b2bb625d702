//! Ciphers by OpenSSL's names.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    Ecb,
    Cbc,
    Ctr,
    Cfb,
    Ofb,
    Gcm,
    ChaCha,
    /// ChaCha20-Poly1305 with a longer initialization vector.
    XChaCha,
    Rc4,
}

/// What hides a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    Aes,
    Des,
    /// DES three times, with two keys.
    TwoDes,
    /// DES three times, with three keys.
    ThreeDes,
    Rc2,
    /// The mode says it.
    None,
}

impl Mode {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Ecb => "ecb",
            Self::Cbc => "cbc",
            Self::Ctr => "ctr",
            Self::Cfb => "cfb",
            Self::Ofb => "ofb",
            Self::Gcm => "gcm",
            Self::ChaCha | Self::XChaCha | Self::Rc4 => "stream",
        }
    }
}

/// A cipher's name, OpenSSL's number for it, and its sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) text: &'static str,
    pub(super) nid: u32,
    pub(super) mode: Mode,
    pub(super) code: Code,
    pub(super) key: usize,
    pub(super) iv: usize,
    pub(super) block: usize,
}

const fn aes(text: &'static str, nid: u32, mode: Mode, key: usize) -> Name {
    let (iv, block) = match mode {
        Mode::Ecb => (0, 16),
        Mode::Cbc => (16, 16),
        Mode::Gcm => (12, 1),
        _ => (16, 1),
    };
    Name { text, nid, mode, code: Code::Aes, key, iv, block }
}

/// A cipher with blocks of eight bytes.
const fn short(text: &'static str, nid: u32, mode: Mode, code: Code, key: usize) -> Name {
    let iv = match mode {
        Mode::Ecb => 0,
        _ => 8,
    };
    Name { text, nid, mode, code, key, iv, block: 8 }
}

const fn stream(text: &'static str, nid: u32, mode: Mode, key: usize, iv: usize) -> Name {
    Name { text, nid, mode, code: Code::None, key, iv, block: 1 }
}

const ALL: &[Name] = &[
    aes("aes-128-cbc", 419, Mode::Cbc, 16),
    aes("aes-128-cfb", 421, Mode::Cfb, 16),
    aes("aes-128-ctr", 904, Mode::Ctr, 16),
    aes("aes-128-ecb", 418, Mode::Ecb, 16),
    aes("aes-128-gcm", 895, Mode::Gcm, 16),
    aes("aes-128-ofb", 420, Mode::Ofb, 16),
    aes("aes-192-cbc", 423, Mode::Cbc, 24),
    aes("aes-192-cfb", 425, Mode::Cfb, 24),
    aes("aes-192-ctr", 905, Mode::Ctr, 24),
    aes("aes-192-ecb", 422, Mode::Ecb, 24),
    aes("aes-192-gcm", 898, Mode::Gcm, 24),
    aes("aes-192-ofb", 424, Mode::Ofb, 24),
    aes("aes-256-cbc", 427, Mode::Cbc, 32),
    aes("aes-256-cfb", 429, Mode::Cfb, 32),
    aes("aes-256-ctr", 906, Mode::Ctr, 32),
    aes("aes-256-ecb", 426, Mode::Ecb, 32),
    aes("aes-256-gcm", 901, Mode::Gcm, 32),
    aes("aes-256-ofb", 428, Mode::Ofb, 32),
    stream("chacha20-poly1305", 1018, Mode::ChaCha, 32, 12),
    short("des-cbc", 31, Mode::Cbc, Code::Des, 8),
    short("des-ecb", 29, Mode::Ecb, Code::Des, 8),
    short("des-ede", 32, Mode::Ecb, Code::TwoDes, 16),
    short("des-ede-cbc", 43, Mode::Cbc, Code::TwoDes, 16),
    short("des-ede3", 33, Mode::Ecb, Code::ThreeDes, 24),
    short("des-ede3-cbc", 44, Mode::Cbc, Code::ThreeDes, 24),
    short("rc2-cbc", 37, Mode::Cbc, Code::Rc2, 16),
    stream("rc4", 5, Mode::Rc4, 16, 0),
    // OpenSSL has no number for it.
    stream("xchacha20-poly1305", 0, Mode::XChaCha, 32, 24),
];

/// Other names of the same.
const ALIASES: &[(&str, &str)] = &[
    ("aes128", "aes-128-cbc"),
    ("aes192", "aes-192-cbc"),
    ("aes256", "aes-256-cbc"),
    ("des", "des-cbc"),
    ("des3", "des-ede3-cbc"),
    ("des-ede-ecb", "des-ede"),
    ("des-ede3-ecb", "des-ede3"),
    ("id-aes128-gcm", "aes-128-gcm"),
    ("id-aes192-gcm", "aes-192-gcm"),
    ("id-aes256-gcm", "aes-256-gcm"),
    ("rc2", "rc2-cbc"),
];

impl Name {
    pub(super) fn of(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let alias = ALIASES.iter().find(|(from, _)| *from == lower);
        let name = alias.map_or(lower.as_str(), |(_, to)| to);
        ALL.iter().find(|known| known.text == name).copied()
    }

    pub(super) fn numbered(nid: u32) -> Option<Self> {
        ALL.iter().find(|known| known.nid == nid).copied()
    }

    /// Whether a key may have so many bytes.
    pub(super) fn takes_key(self, bytes: usize) -> bool {
        match (self.mode, self.code) {
            (Mode::Rc4, _) => (1..=256).contains(&bytes),
            (_, Code::Rc2) => (1..=128).contains(&bytes),
            _ => bytes == self.key,
        }
    }
}

pub(super) fn all() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL.iter().map(|name| name.text).collect();
    names.extend(ALIASES.iter().map(|(from, _)| from));
    names.sort_unstable();
    names
}
