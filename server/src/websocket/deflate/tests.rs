use super::*;

/// Numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// A message, more or less like those before it.
    fn message(&mut self) -> Vec<u8> {
        const LENGTHS: [usize; 6] = [1, 16, 300, 5000, 40_000, 200_000];
        let limit = LENGTHS[self.below(LENGTHS.len())];
        let length = 1 + self.below(limit);
        let letters = 1 + self.below(255);
        let period = 1 + self.below(3000);
        let word: Vec<u8> = (0..period).map(|_| self.below(letters) as u8).collect();
        word.iter().copied().cycle().take(length).collect()
    }
}

fn agreed(numbers: &mut Numbers) -> Deflate {
    let mut bits = || (numbers.below(2) == 0).then(|| 8 + numbers.below(8) as u8);
    let (server_bits, client_bits) = (bits(), bits());
    Deflate {
        server_no_context: numbers.below(2) == 0,
        client_no_context: numbers.below(2) == 0,
        server_bits,
        client_bits,
    }
}

fn packed(packer: &Packer, message: &[u8]) -> Vec<u8> {
    packer.pack(message, <[u8]>::to_vec).expect("it can be packed")
}

const LIMIT: usize = 1 << 20;

#[test]
fn what_one_end_packs_the_other_unpacks() {
    let mut numbers = Numbers(1);
    for _ in 0..60 {
        let agreed = agreed(&mut numbers);
        let (server, mut of_client) = codec(agreed, Role::Server);
        let (client, mut of_server) = codec(agreed, Role::Client);
        for _ in 0..12 {
            let message = numbers.message();
            let (packer, unpacker) = match numbers.below(2) {
                0 => (&server, &mut of_server),
                _ => (&client, &mut of_client),
            };
            let bytes = packed(packer, &message);
            assert_eq!(unpacker.unpack(&bytes, LIMIT), Ok(message), "{agreed}");
            if numbers.below(4) == 0 {
                // No end can tell that a compressor was taken away.
                for _ in 0..=11 {
                    age();
                }
            }
        }
    }
}

#[test]
fn nothing_that_arrives_breaks_an_unpacker() {
    let mut numbers = Numbers(2);
    let (packer, _) = codec(Deflate::default(), Role::Client);
    let (mut good, mut bad) = (0, 0);
    for round in 0..3000 {
        let (_, mut unpacker) = codec(agreed(&mut numbers), Role::Server);
        let mut bytes = match round % 2 {
            0 => (0..numbers.below(60)).map(|_| numbers.below(256) as u8).collect(),
            _ => packed(&packer, &numbers.message()),
        };
        for _ in 0..numbers.below(4) {
            if !bytes.is_empty() {
                let at = numbers.below(bytes.len());
                bytes[at] ^= 1 << numbers.below(8);
            }
        }
        match unpacker.unpack(&bytes, 100_000) {
            Ok(message) => {
                good += 1;
                assert!(message.len() <= 100_000);
            }
            Err(_) => bad += 1,
        }
    }
    assert!(good > 100 && bad > 100, "{good} {bad}");
}

fn unpacker(no_context: bool) -> Box<Unpacker> {
    let agreed = Deflate { client_no_context: no_context, ..Deflate::default() };
    codec(agreed, Role::Server).1
}

/// RFC 7692, 7.2.3.
#[test]
fn examples_of_the_standard_unpack() {
    let hello: &[u8] = b"Hello";
    for (bytes, context) in [
        (&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], "one block"),
        (b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "a block as it is"),
        (b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "a last block"),
        (b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "two blocks"),
    ] {
        let mut unpacker = unpacker(false);
        assert_eq!(unpacker.unpack(bytes, LIMIT).as_deref(), Ok(hello), "{context}");
        // The next refers to it.
        assert_eq!(
            unpacker.unpack(b"\xf2\x00\x11\x00\x00", LIMIT).as_deref(),
            Ok(hello),
            "{context}"
        );
    }
    assert_eq!(unpacker(false).unpack(b"\x00", LIMIT).as_deref(), Ok(&b""[..]));
    assert_eq!(unpacker(false).unpack(b"", LIMIT).as_deref(), Ok(&b""[..]));
}

#[test]
fn a_window_that_was_not_agreed_on_is_none() {
    let mut unpacker = unpacker(true);
    assert!(unpacker.unpack(b"\xf2\x48\xcd\xc9\xc9\x07\x00", LIMIT).is_ok());
    assert_eq!(unpacker.held(), 0);
    assert_eq!(unpacker.unpack(b"\xf2\x00\x11\x00\x00", LIMIT), Err(invalid()));
    let agreed = Deflate { client_bits: Some(8), ..Deflate::default() };
    let (_, mut small) = codec(agreed, Role::Server);
    let (packer, _) = codec(agreed, Role::Client);
    for _ in 0..20 {
        let message = b"more than the window".repeat(40);
        assert_eq!(small.unpack(&packed(&packer, &message), LIMIT), Ok(message));
    }
    assert!(small.held() <= 256);
}

#[test]
fn a_bomb_is_not_unpacked() {
    let (packer, _) = codec(Deflate::default(), Role::Client);
    let bomb = packed(&packer, &vec![0; 64 << 20]);
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    let limit = 1 << 20;
    assert_eq!(unpacker(false).unpack(&bomb, limit), Err(Violation::unpacks_too_large()));
    // No more of it was unpacked than that: the thread's page is all that it wrote to.
    let out = UNPACKING.with_borrow(|it| it.as_ref().map(|it| it.stream.total_out()));
    assert!(out.is_some_and(|out| out <= (limit + PAGE_BYTES) as u64), "{out:?}");
    let (packer, _) = codec(Deflate::default(), Role::Client);
    let whole = packed(&packer, &vec![0; limit]);
    assert_eq!(unpacker(false).unpack(&whole, limit).map(|it| it.len()), Ok(limit));
}

#[test]
fn a_message_of_endless_streams_is_refused() {
    let empty = b"\x03\x00";
    assert!(unpacker(false).unpack(&empty.repeat(MAX_STREAMS - 1), LIMIT).is_ok());
    assert_eq!(unpacker(false).unpack(&empty.repeat(MAX_STREAMS), LIMIT), Err(invalid()));
}

#[test]
fn windows_are_lent_while_there_are_some() {
    let all: Vec<_> = (0..MAX_WINDOWS).map(|_| unpacker(false)).collect();
    assert_eq!(context(), Context::Dropped);
    drop(all);
    assert_eq!(context(), Context::Kept);
    let _none: Vec<_> = (0..MAX_WINDOWS).map(|_| unpacker(true)).collect();
    assert_eq!(context(), Context::Kept);
}

#[test]
fn compressors_are_few_and_go_when_nobody_sends() {
    let packers: Vec<_> = (0..100).map(|_| codec(Deflate::default(), Role::Server).0).collect();
    assert!(pool::owners().is_empty(), "none is made before a message leaves");
    for packer in &packers {
        packed(packer, b"message");
    }
    let owners = pool::owners();
    assert_eq!(owners.len(), 32);
    drop(packers);
    assert!(pool::owners().is_empty(), "they end with their sockets");
    let none = Deflate { server_no_context: true, ..Deflate::default() };
    let shared: Vec<_> = (0..5).map(|_| codec(none, Role::Server).0).collect();
    for packer in &shared {
        packed(packer, b"message");
    }
    assert_eq!(pool::owners().len(), 1, "who keeps no window needs none of its own");
    for _ in 0..=10 {
        age();
    }
    assert!(pool::owners().is_empty());
}
