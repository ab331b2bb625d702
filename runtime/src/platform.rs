//! V8 and the platform's code, set up once for the process.

use std::sync::{Arc, Once};

use deno_core::{Extension, JsRuntime, v8};

use crate::code_cache::CodeCache;
use crate::limits;

/// Flags that V8 gets before it starts.
///
/// Wasm memory is bounded by the isolate's limit. Compiled code of functions
/// that were not called for a while may go away, which keeps idle isolates small.
///
/// Code must look for interrupts, or it cannot be stopped. Loop unrolling drops
/// a loop's look where it believes the loop to be short, wrongly for
/// `for (;;) Array(1000).fill({})`; the middle tier (Maglev) looks only when a
/// budget is spent, which a loop around a slow built-in hardly does. Both are
/// off. The lower tiers look once per budget, too, which V8 makes as large as
/// the calls that a function needs to reach the top tier; there, each round
/// looks. So few calls make the budget small and bring functions there soon.
/// While a function is compiled on another thread, the budget is endless, and the
/// code that would end that waits for a look: so it is compiled at once instead.
const V8_FLAGS: &str = concat!(
    " --wasm-max-mem-pages=2048",
    " --no-experimental-wasm-shared",
    " --stack-size=984",
    " --no-turboshaft-loop-unrolling",
    " --no-maglev",
    " --no-concurrent-recompilation",
    " --invocation-count-for-osr=20",
    " --invocation-count-for-turbofan=500",
);

/// What the platform is made of; the crate that lists the bindings fills it in.
pub struct PlatformParts {
    /// The startup snapshot.
    pub snapshot: &'static [u8],
    /// Scripts that load on first use and are not in the snapshot, sorted by name.
    pub lazy_scripts: &'static [(&'static str, &'static str)],
    /// The extensions, in the order that the snapshot was made with, without
    /// their sources.
    pub extensions: fn() -> Vec<Extension>,
    /// Where compiled code is kept between runs.
    pub code_cache: Option<CodeCache>,
}

/// All that isolates are made from.
pub struct Platform {
    pub(crate) parts: PlatformParts,
}

impl Platform {
    /// Starts V8, if that was not done yet.
    pub fn new(parts: PlatformParts) -> Arc<Self> {
        static V8: Once = Once::new();
        V8.call_once(|| {
            crate::memory::keep_freed();
            v8::V8::set_flags_from_string(V8_FLAGS);
            JsRuntime::init_platform(None);
        });
        debug_assert_eq!(limits::MEMORY_BYTES, 2048 * 64 * 1024);
        Arc::new(Self { parts })
    }
}

/// Sets further flags of V8's. Only those set before the first [`Platform`] is
/// made take effect, and unknown ones are ignored.
pub fn set_v8_flags(flags: &str) {
    v8::V8::set_flags_from_string(flags);
}

/// The version of V8, such as `15.0.245.7-rusty`.
pub fn v8_version() -> &'static str {
    v8::V8::get_version()
}
