//! Cloudflare's rules for secrets of stores, in the words of its command line.

/// The longest text of a secret: 64 KiB.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// The scope of secrets that Workers may have.
pub const WORKERS: &str = "workers";

/// Whether it can be a secret's name.
///
/// # Errors
/// What is wrong with it.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(
            "Secret name may only contain alphanumeric characters, underscores, or dashes.".into(),
        );
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(format!("the name of a secret has at most {MAX_NAME_BYTES} bytes"));
    }
    Ok(())
}

/// Whether it can be a secret's text. It is not repeated.
///
/// # Errors
/// What is wrong with it.
pub fn check_text(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a secret needs a value".into());
    }
    if text.len() > MAX_TEXT_BYTES {
        let bytes = text.len();
        return Err(format!("Secret value cannot exceed {MAX_TEXT_BYTES} bytes (got {bytes})."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_texts_are_bounded() {
        assert!(check_name("A-b_1").is_ok());
        for name in ["", "a/b", "a b", "\u{e4}"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(MAX_NAME_BYTES + 1)).is_err());
        assert!(check_text(&"a".repeat(MAX_TEXT_BYTES)).is_ok());
        let error = check_text(&"hunter2".repeat(MAX_TEXT_BYTES)).expect_err("too long");
        assert!(!error.contains("hunter2"));
        assert!(check_text("").is_err());
    }
}
