use super::*;

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn cipher(name: &str, encrypt: bool, key: &str, iv: &str) -> Cipher {
    Cipher::new(Name::of(name).unwrap(), encrypt, &unhex(key), &unhex(iv)).unwrap()
}

/// In pieces of each size the same comes out.
fn run(name: &str, encrypt: bool, key: &str, iv: &str, data: &[u8]) -> Vec<u8> {
    let mut whole = cipher(name, encrypt, key, iv);
    let mut expected = whole.update(data);
    expected.extend(whole.finish(None).unwrap().0);
    for size in [1, 5, 16, 33] {
        let mut pieces = cipher(name, encrypt, key, iv);
        let mut out = Vec::new();
        for piece in data.chunks(size) {
            out.extend(pieces.update(piece));
        }
        out.extend(pieces.finish(None).unwrap().0);
        assert_eq!(out, expected, "{name} in pieces of {size}");
    }
    expected
}

#[test]
fn modes_are_those_of_nist_sp_800_38a() {
    let key = "2b7e151628aed2a6abf7158809cf4f3c";
    let iv = "000102030405060708090a0b0c0d0e0f";
    let text = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    for (name, iv, hidden) in [
        ("aes-128-ecb", "", "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"),
        ("aes-128-cbc", iv, "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"),
        ("aes-128-cfb", iv, "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"),
        ("aes-128-ofb", iv, "3b3fd92eb72dad20333449f8e83cfb4a7789508d16918f03f53c52dac54ed825"),
        (
            "aes-128-ctr",
            "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        ),
    ] {
        let out = run(name, true, key, iv, &text);
        assert_eq!(out[..32], unhex(hidden), "{name}");
        assert_eq!(run(name, false, key, iv, &out), text, "{name}");
    }
}

#[test]
fn a_wrong_end_is_none() {
    let key = "00".repeat(16);
    let mut wrong = cipher("aes-128-cbc", false, &key, &key);
    wrong.update(&[1; 16]);
    assert_eq!(wrong.finish(None).unwrap_err(), Failure::Final);
    let mut short = cipher("aes-128-cbc", false, &key, &key);
    short.update(&[1; 15]);
    assert_eq!(short.finish(None).unwrap_err(), Failure::Final);
    let name = Name::of("aes-256-cbc").unwrap();
    assert_eq!(Cipher::new(name, true, &[0; 16], &[0; 16]).err(), Some(Failure::Key));
    assert_eq!(Cipher::new(name, true, &[0; 32], &[0; 12]).err(), Some(Failure::Iv));
}

#[test]
fn gcm_is_that_of_its_test_case_4() {
    let key = "feffe9928665731c6d6a8f9467308308";
    let iv = "cafebabefacedbaddecaf888";
    let text = unhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b5\
         25b16aedf5aa0de657ba637b39",
    );
    let aad = unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let mut gcm = cipher("aes-128-gcm", true, key, iv);
    let Cipher::Gcm(inner) = &mut gcm else { panic!() };
    inner.aad(&aad[..7]);
    inner.aad(&aad[7..]);
    let mut out = Vec::new();
    for piece in text.chunks(7) {
        out.extend(gcm.update(piece));
    }
    let tag = gcm.finish(None).unwrap().1.unwrap();
    assert!(data_encoding::HEXLOWER.encode(&out).starts_with("42831ec2217774244b7221b784d0d49c"));
    assert_eq!(data_encoding::HEXLOWER.encode(&tag), "5bc94fbc3221a5db94fae95ae7121a47");

    let open = |tag: &[u8]| {
        let mut gcm = cipher("aes-128-gcm", false, key, iv);
        let Cipher::Gcm(inner) = &mut gcm else { panic!() };
        inner.aad(&aad);
        let opened = gcm.update(&out);
        gcm.finish(Some(tag)).map(|_| opened)
    };
    assert_eq!(open(&tag).unwrap(), text);
    let mut other = tag.clone();
    other[3] ^= 1;
    assert_eq!(open(&other).unwrap_err(), Failure::Tag);
}

#[test]
fn chacha_is_that_of_rfc_8439() {
    let key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
    let mut chacha = cipher("chacha20-poly1305", true, key, "070000004041424344454647");
    let Cipher::ChaCha(inner) = &mut chacha else { panic!() };
    inner.aad(&unhex("50515253c0c1c2c3c4c5c6c7"));
    let text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for \
        the future, sunscreen would be it.";
    let out = chacha.update(text);
    let tag = chacha.finish(None).unwrap().1.unwrap();
    assert!(data_encoding::HEXLOWER.encode(&out).starts_with("d31a8d34648e60db7b86afbc53ef7ec2"));
    assert_eq!(data_encoding::HEXLOWER.encode(&tag), "1ae10b594f09e26a7e902ecbd0600691");
}
