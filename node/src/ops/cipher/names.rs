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
            Self::ChaCha => "stream",
        }
    }
}

/// A cipher's name, OpenSSL's number for it, and its sizes in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) text: &'static str,
    pub(super) nid: u32,
    pub(super) mode: Mode,
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
    Name { text, nid, mode, key, iv, block }
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
    Name { text: "chacha20-poly1305", nid: 1018, mode: Mode::ChaCha, key: 32, iv: 12, block: 1 },
];

/// Other names of the same.
const ALIASES: &[(&str, &str)] = &[
    ("aes128", "aes-128-cbc"),
    ("aes192", "aes-192-cbc"),
    ("aes256", "aes-256-cbc"),
    ("id-aes128-gcm", "aes-128-gcm"),
    ("id-aes192-gcm", "aes-192-gcm"),
    ("id-aes256-gcm", "aes-256-gcm"),
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
}

pub(super) fn all() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL.iter().map(|name| name.text).collect();
    names.extend(ALIASES.iter().map(|(from, _)| from));
    names.sort_unstable();
    names
}
