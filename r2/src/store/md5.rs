//! MD5 of many bodies at once.
//!
//! MD5 is one long chain of additions: however wide the machine is, a body goes
//! through it at some 500 MB/s of a core. Several bodies go side by side, each in a
//! lane of the SIMD registers, in hardly more time than one. So blocks wait in one
//! queue for the whole process, and a thread takes as many of them as there are
//! lanes. There are as many threads as cores at most, and none when nothing came for
//! a while.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use md5_many::{Md5Many, Md5State};
use tokio::sync::oneshot;

/// The bytes of a block of MD5: 64 (RFC 1321, 3.4).
const BLOCK: usize = 64;
/// Less than this is not worth a visit to another thread: 4 KiB.
const SMALL: usize = 4 * 1024;
/// How far a lane gets before the next ones may join: 64 KiB.
const STRIDE: usize = 64 * 1024;
/// As many as the widest registers have.
const MAX_LANES: usize = 16;
/// How long a thread waits for more before it ends.
const IDLE: Duration = Duration::from_secs(1);

/// The MD5 of a body so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Md5(Md5State);

impl Md5 {
    /// The hash of all that came, 16 bytes.
    pub(super) fn finish(&self) -> [u8; 16] {
        self.0.finalize()
    }

    /// Adds a block, in pieces. `None`: the thread that had it is gone.
    pub(super) fn update(self, block: Vec<Bytes>) -> impl Future<Output = Option<Self>> + Send {
        let (told, answer) = oneshot::channel();
        let bytes: usize = block.iter().map(Bytes::len).sum();
        let lane = Lane::new(self.0, block, told);
        match bytes < SMALL {
            true => lane.finish(),
            false => Hashing::submit(&HASHING, lane),
        }
        async move { answer.await.ok().map(Self) }
    }
}

static HASHING: LazyLock<Arc<Hashing>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Hashing { cores, queue: Mutex::default(), changed: Condvar::new() })
});

struct Hashing {
    cores: usize,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Lane>,
    threads: usize,
    /// How many of them wait.
    idle: usize,
}

/// A block of a body on its way.
struct Lane {
    state: Md5State,
    /// What is left of the first piece.
    piece: Bytes,
    /// Those after it.
    pieces: std::vec::IntoIter<Bytes>,
    told: oneshot::Sender<Md5State>,
}

impl Lane {
    fn new(state: Md5State, block: Vec<Bytes>, told: oneshot::Sender<Md5State>) -> Self {
        Self { state, piece: Bytes::new(), pieces: block.into_iter(), told }
    }

    /// Goes on by itself to where the next bytes are whole blocks of MD5. Whether there
    /// is one.
    fn align(&mut self) -> bool {
        loop {
            let begun = (self.state.bytes_hashed() % BLOCK as u64) as usize;
            if begun == 0 && self.piece.len() >= BLOCK {
                return true;
            }
            // What is short of a block is put together from the pieces.
            let part = self.piece.split_to((BLOCK - begun).min(self.piece.len()));
            self.state.update(&part);
            if self.piece.is_empty() {
                match self.pieces.next() {
                    Some(next) => self.piece = next,
                    None => return false,
                }
            }
        }
    }

    /// Hashes what is left, and tells.
    fn finish(mut self) {
        self.state.update(&self.piece);
        self.pieces.for_each(|piece| self.state.update(&piece));
        // Nobody may wait any more.
        let _ = self.told.send(self.state);
    }
}

impl Hashing {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(self: &Arc<Self>, lane: Lane) {
        let mut queue = self.lock();
        queue.waiting.push_back(lane);
        if queue.idle > 0 || queue.threads == self.cores {
            drop(queue);
            self.changed.notify_one();
            return;
        }
        queue.threads += 1;
        drop(queue);
        let mine = self.clone();
        let thread = std::thread::Builder::new().name("r2-md5".to_owned());
        if thread.spawn(move || mine.run()).is_err() {
            // Without a thread it is done here.
            self.abandon().into_iter().for_each(Lane::finish);
        }
    }

    fn run(&self) {
        let guard = Abandon(self);
        let hasher = Hasher::detect();
        let mut lanes = Vec::with_capacity(MAX_LANES);
        while self.fill(&mut lanes) {
            // Lanes cost little more when there are more: those who share the core with
            // this thread bring theirs first.
            std::thread::yield_now();
            self.fill(&mut lanes);
            hasher.step(&mut lanes);
        }
        std::mem::forget(guard);
    }

    /// A thread is gone. Gives what may have waited for it.
    fn abandon(&self) -> VecDeque<Lane> {
        let mut queue = self.lock();
        queue.threads -= 1;
        std::mem::take(&mut queue.waiting)
    }

    /// Lets those that wait join. Waits for one if there is none; without any, the
    /// thread is not counted any more.
    fn fill(&self, lanes: &mut Vec<Lane>) -> bool {
        let mut queue = self.lock();
        if lanes.is_empty() && queue.waiting.is_empty() {
            queue.idle += 1;
            let is_empty = |queue: &mut Queue| queue.waiting.is_empty();
            let waited = self.changed.wait_timeout_while(queue, IDLE, is_empty);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            queue.idle -= 1;
        }
        let room = MAX_LANES - lanes.len();
        let joining = room.min(queue.waiting.len());
        lanes.extend(queue.waiting.drain(..joining));
        if lanes.is_empty() {
            queue.threads -= 1;
        }
        !lanes.is_empty()
    }
}

/// If a thread panics, nobody waits for it forever.
struct Abandon<'a>(&'a Hashing);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        drop(self.0.abandon());
    }
}

struct Hasher {
    many: Md5Many,
    /// How many lanes the registers have that are worth being used together.
    width: Option<usize>,
}

impl Hasher {
    fn detect() -> Self {
        Self { many: Md5Many::new(), width: width() }
    }

    /// Takes all lanes on by as much as the shortest piece has, and no more than a stride.
    /// Those that are done are told.
    fn step(&self, lanes: &mut Vec<Lane>) {
        for done in lanes.extract_if(.., |lane| !lane.align()) {
            done.finish();
        }
        let shortest = lanes.iter().map(|lane| lane.piece.len()).min().unwrap_or(0);
        let stride = shortest.min(STRIDE) / BLOCK * BLOCK;
        match (lanes.as_mut_slice(), self.width) {
            ([], _) => {}
            (several @ [_, _, ..], Some(width)) => self.together(several, stride, width),
            (each, _) => each.iter_mut().for_each(|lane| lane.state.update(&lane.piece[..stride])),
        }
        for lane in lanes {
            lane.piece.advance(stride);
        }
    }

    /// Registers are full or half full: what has no lane goes along twice.
    fn together(&self, lanes: &mut [Lane], stride: usize, width: usize) {
        let width = if lanes.len() > width { MAX_LANES } else { width };
        let of = |at: usize| lanes.get(at).unwrap_or(&lanes[0]);
        let mut states: [Md5State; MAX_LANES] = std::array::from_fn(|at| of(at).state);
        let blocks: [&[u8]; MAX_LANES] = std::array::from_fn(|at| &of(at).piece[..stride]);
        self.many.update_many(&mut states[..width], &blocks[..width]);
        for (lane, state) in lanes.iter_mut().zip(states) {
            lane.state = state;
        }
    }
}

/// Eight lanes of AVX2 are faster than one after the other from the second one on,
/// sixteen of AVX-512 even more. Elsewhere there is no figure yet.
fn width() -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512f") {
            return Some(MAX_LANES);
        }
        if std::is_x86_feature_detected!("avx2") {
            return Some(MAX_LANES / 2);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;

    use super::*;

    fn bytes(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ seed) as u8).collect()
    }

    fn expected(body: &[u8]) -> [u8; 16] {
        md5::Md5::digest(body).into()
    }

    /// Bodies of these lengths, each in blocks of this many bytes, with as many
    /// lanes as a machine may have.
    fn compare(lengths: &[usize], block: usize) {
        for width in [None, Some(8), Some(16)] {
            let hasher = Hasher { many: Md5Many::new(), width };
            let bodies: Vec<_> =
                lengths.iter().enumerate().map(|(seed, length)| bytes(*length, seed)).collect();
            let mut states = vec![Md5State::new(); bodies.len()];
            let blocks = bodies.iter().map(|body| body.len().div_ceil(block)).max().unwrap_or(0);
            for number in 0..blocks {
                let mut lanes = Vec::new();
                let mut answers = Vec::new();
                for (at, body) in bodies.iter().enumerate() {
                    let Some(block) = body.chunks(block).nth(number) else { continue };
                    let (told, answer) = oneshot::channel();
                    // Two pieces, the first one as long as the lane's number.
                    let (one, two) = block.split_at(at.min(block.len()));
                    let pieces = [one, two].map(Bytes::copy_from_slice).to_vec();
                    lanes.push(Lane::new(states[at], pieces, told));
                    answers.push((at, answer));
                }
                while !lanes.is_empty() {
                    let mut some = lanes.split_off(lanes.len().saturating_sub(MAX_LANES));
                    hasher.step(&mut some);
                    lanes.append(&mut some);
                }
                for (at, mut answer) in answers {
                    states[at] = answer.try_recv().expect("an answer");
                }
            }
            for (body, state) in bodies.iter().zip(&states) {
                assert_eq!(state.finalize(), expected(body), "{} bytes, {width:?}", body.len());
            }
        }
    }

    #[test]
    fn bodies_together_have_the_hashes_that_they_have_alone() {
        compare(&[], 64);
        compare(&[0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000], 64);
        compare(&[100_000, 3, 70_000, 200_001, 65_536], 1 << 19);
        compare(&[100_000, 3, 70_000, 200_001, 65_536], 1000);
        for count in [2, 7, 8, 9, 15, 16, 17, 33] {
            let lengths: Vec<_> = (0..count).map(|at| 10_000 + at * 777).collect();
            compare(&lengths, 4096);
        }
    }

    #[tokio::test]
    async fn many_callers_get_their_own() {
        let tasks = (0..100).map(|seed| {
            tokio::spawn(async move {
                let body = bytes(seed * 9_001, seed);
                let mut md5 = Md5::default();
                for block in body.chunks(100_000) {
                    let pieces = block.chunks(33_333).map(Bytes::copy_from_slice).collect();
                    md5 = md5.update(pieces).await.expect("hashed");
                }
                assert_eq!(md5.finish(), expected(&body), "{} bytes", body.len());
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("it ends");
        }
    }
}
