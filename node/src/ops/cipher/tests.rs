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
    assert_eq!(short.finish(None).unwrap_err(), Failure::Length);
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

/// As BoringSSL has them, whose results these are.
#[test]
fn old_ciphers_are_those_of_boringssl() {
    let text = b"hello world, this is text of 45 bytes, really";
    let key = |bytes: u32| {
        let key = (0..bytes).map(|at| u8::try_from((at * 37 + 5) & 255).unwrap());
        data_encoding::HEXLOWER.encode(&key.collect::<Vec<u8>>())
    };
    let iv = "03".repeat(8);
    for (name, bytes, iv, hidden) in [
        (
            "des-cbc",
            8,
            &*iv,
            "01f1e82849793e6c9e4651115085a1ce507ce77916672f6a0fe18fc17080d4469a5e0738f237d1cc9817bdd2a17f47c0",
        ),
        (
            "des-ecb",
            8,
            "",
            "4551f052bc9ddb6fd1bd81c8d3c6b2972d2bd6749fcdb250cfac14f34b52c78552b66eaa764bf8584ffce0123f5327cd",
        ),
        (
            "des-ede",
            16,
            "",
            "424474039517ca7e9d9b45c2d42a5f49b29881855b7744902e348a117e726102a284917363d4c593b3a072f23eaa314d",
        ),
        (
            "des-ede-cbc",
            16,
            &iv,
            "24495daec5f63ed6ac5733e6330a619ba772cdb5d893b902649b2a42dece0d800718a66be73d23bd4205dddc2542690f",
        ),
        (
            "des-ede3-cbc",
            24,
            &iv,
            "862c146470711399da4cee781a5fc642f38c22b3bdf316426ba596ef3a3984997ad9d955fee92fd7f09fa0fb0e7bfd44",
        ),
        (
            "des3",
            24,
            &iv,
            "862c146470711399da4cee781a5fc642f38c22b3bdf316426ba596ef3a3984997ad9d955fee92fd7f09fa0fb0e7bfd44",
        ),
        (
            "rc2-cbc",
            16,
            &iv,
            "caf9f8fb6c9a6cde943daa68151ef692208a4d4e9353c296338300477e798a653cebb9f2a8ad69ac66b64e61dfeaeb67",
        ),
        (
            "rc2-cbc",
            5,
            &iv,
            "f8a96ad28ef467eced85b64984de476062806dfa65e75ae8e0e2dcefcefb45e36d404146f5bc85e6d83d528fce33bdb3",
        ),
        (
            "rc2-cbc",
            32,
            &iv,
            "1f0cd11ceec6bbde0fde762065a7662ecdd9ff78562eeb66954c42ee40d25652a29a723351d018bde11fc3b91cf247c9",
        ),
        (
            "rc4",
            16,
            "",
            "1a88e5b83d137e2d94b1de777c5de1223db3f5be71fda99350da37d70d5895e935332c278de0d568f99d363a49",
        ),
        (
            "rc4",
            1,
            "",
            "aea251d2879238761ac11af10b0bc98098a8ac37ba94c94456827257b341498ce180edb8e17f938d676fe52a57",
        ),
    ] {
        let out = run(name, true, &key(bytes), iv, text);
        assert_eq!(data_encoding::HEXLOWER.encode(&out), hidden, "{name}");
        assert_eq!(run(name, false, &key(bytes), iv, &out), text, "{name}");
    }
    for (name, bytes) in [("des-cbc", 7), ("des-ede-cbc", 24), ("des-ede3-cbc", 16), ("rc4", 0)] {
        let name = Name::of(name).unwrap();
        let key = vec![1; bytes];
        assert_eq!(Cipher::new(name, true, &key, &[0; 8]).err(), Some(Failure::Key));
    }
    let rc4 = Name::of("rc4").unwrap();
    assert_eq!(Cipher::new(rc4, true, &[1; 16], &[0; 8]).err(), Some(Failure::Iv));
}

/// The example of draft-irtf-cfrg-xchacha-03, A.3.1.
#[test]
fn xchacha20_poly1305_is_that_of_its_draft() {
    let key: String = (0x80u8..=0x9f).map(|byte| format!("{byte:02x}")).collect();
    let iv: String = (0x40u8..=0x57).map(|byte| format!("{byte:02x}")).collect();
    let text =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the \
                 future, sunscreen would be it.";
    let mut sealing = cipher("xchacha20-poly1305", true, &key, &iv);
    let Cipher::ChaCha(inner) = &mut sealing else { panic!() };
    inner.aad(&unhex("50515253c0c1c2c3c4c5c6c7"));
    let out = sealing.update(text);
    assert_eq!(out[..16], unhex("bd6d179d3e83d43b9576579493c0e939"));
    let tag = sealing.finish(None).unwrap().1.unwrap();
    assert_eq!(tag, unhex("c0875924c1c7987947deafd8780acf49"));
}
