//! The mask over what clients send (RFC 6455, 5.3), and the randomness for it.

use std::cell::RefCell;

/// What is XORed over a payload, byte `i` with `key[i % 4]`.
pub(super) type Key = [u8; 4];

/// Bytes that one call of the system brings.
const POOL_BYTES: usize = 1024;

struct Pool {
    bytes: [u8; POOL_BYTES],
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> =
        const { RefCell::new(Pool { bytes: [0; POOL_BYTES], used: POOL_BYTES }) };
}

/// Masks or unmasks in place.
pub(super) fn apply(bytes: &mut [u8], key: Key) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, tail) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip([a, b, c, d, a, b, c]) {
        *byte ^= key;
    }
}

/// The key for what follows `count` bytes.
pub(super) fn advance(mut key: Key, count: usize) -> Key {
    key.rotate_left(count % 4);
    key
}

/// A key for one frame. It must not be predictable, or a script could have a
/// client send bytes of its choice through a proxy (RFC 6455, 10.3); so it
/// comes from the system's generator, fetched for 256 frames at a time.
pub(super) fn fresh_key() -> Key {
    random()
}

/// Bytes from the system's generator; none is given out twice.
pub(super) fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= POOL_BYTES) };
    POOL.with_borrow_mut(|pool| {
        if POOL_BYTES - pool.used < N {
            getrandom::fill(&mut pool.bytes).expect("the system gives random bytes");
            pool.used = 0;
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&pool.bytes[pool.used..pool.used + N]);
        pool.used += N;
        taken
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_meets_its_byte_of_the_key() {
        let key = [1, 2, 3, 4];
        for start in 0..9 {
            for length in 0..70 {
                let mut bytes = vec![0; start + length];
                apply(&mut bytes[start..], key);
                let expected = (0..length).map(|i| key[i % 4]);
                assert!(bytes[start..].iter().copied().eq(expected), "{start} {length}");
                assert!(bytes[..start].iter().all(|byte| *byte == 0));
            }
        }
    }

    #[test]
    fn pieces_are_masked_as_the_whole() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let mut whole: Vec<u8> = (0..100).collect();
        let mut pieces = whole.clone();
        apply(&mut whole, key);
        for cut in 0..100 {
            let mut bytes = pieces.clone();
            apply(&mut bytes[..cut], key);
            apply(&mut bytes[cut..], advance(key, cut));
            assert_eq!(bytes, whole, "{cut}");
        }
        apply(&mut pieces, [0; 4]);
        assert!(pieces.iter().copied().eq(0..100));
    }

    #[test]
    fn keys_do_not_repeat() {
        let keys: std::collections::HashSet<[u8; 16]> = (0..1000).map(|_| random()).collect();
        assert_eq!(keys.len(), 1000);
    }
}
