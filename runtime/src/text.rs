//! Strings whose characters stay in the buffer that they were put in.
//!
//! A large text that comes in pieces is put together in an array buffer, which
//! counts against the memory limit as any other. The string takes that memory
//! over: the text is there once, and stays counted until V8 drops the string.

use deno_core::v8;

/// How many bytes a string has as UTF-8. `None` if it is not in Latin-1.
pub fn latin1_utf8_length(
    scope: &mut v8::Isolate,
    text: v8::Local<'_, v8::String>,
) -> Option<usize> {
    match v8::ValueView::new(scope, text).data() {
        v8::ValueViewData::OneByte(bytes) => Some(v8::simdutf::utf8_length_from_latin1(bytes)),
        v8::ValueViewData::TwoByte(_) => None,
    }
}

/// Writes a string as UTF-8. `false` if it is not in Latin-1, or `out` is not as long
/// as [`latin1_utf8_length`] says.
pub fn write_latin1_utf8(
    scope: &mut v8::Isolate,
    text: v8::Local<'_, v8::String>,
    out: &mut [u8],
) -> bool {
    let view = v8::ValueView::new(scope, text);
    let v8::ValueViewData::OneByte(bytes) = view.data() else { return false };
    if v8::simdutf::utf8_length_from_latin1(bytes) != out.len() {
        return false;
    }
    // SAFETY: there is room for all of it, as was just measured.
    unsafe { v8::simdutf::convert_latin1_to_utf8(bytes, out) == out.len() }
}

/// How a buffer holds the characters of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Latin-1: a byte each.
    One,
    /// UTF-16 of this machine: two bytes each.
    Two,
}

impl Width {
    fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// The room that a buffer must have behind the characters, in bytes: who owns
/// the buffer is noted there.
pub const TAIL_BYTES: usize = size_of::<*mut Store>();

type Store = v8::SharedRef<v8::BackingStore>;

/// Makes a string of the first `units` characters in a buffer, and detaches the
/// buffer. Nobody may write to its memory any more.
///
/// `None`, with the buffer as it was, if there are no characters, if they and
/// [`TAIL_BYTES`] are more than the buffer has, if it cannot be detached, or if
/// V8 has no strings of that length.
pub fn string_in_buffer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    buffer: v8::Local<'s, v8::ArrayBuffer>,
    units: usize,
    width: Width,
) -> Option<v8::Local<'s, v8::String>> {
    let bytes = units.checked_mul(width.bytes())?;
    let store = buffer.get_backing_store();
    if units == 0
        || units > v8::String::MAX_LENGTH
        || bytes.checked_add(TAIL_BYTES)? > store.byte_length()
    {
        return None;
    }
    let data = store.data()?.as_ptr().cast::<u8>();
    if !buffer.is_detachable() || buffer.detach(None) != Some(true) {
        return None;
    }
    let store = Box::into_raw(Box::new(store));
    // SAFETY: the bounds were checked above, and `store` keeps the memory.
    unsafe { data.add(bytes).cast::<*mut Store>().write_unaligned(store) };
    // SAFETY: the memory is kept until V8 calls the destructor, which finds its
    // owner where it was written; the length is one that V8 takes. Memory of
    // array buffers is aligned for any number.
    unsafe {
        match width {
            Width::One => v8::String::new_external_onebyte_raw(scope, data.cast(), units, free_one),
            Width::Two => v8::String::new_external_twobyte_raw(scope, data.cast(), units, free_two),
        }
    }
}

unsafe extern "C" fn free_one(data: *mut std::ffi::c_char, units: usize) {
    // SAFETY: V8 gives what `string_in_buffer` gave it, once.
    unsafe { free(data.cast(), units) }
}

unsafe extern "C" fn free_two(data: *mut u16, units: usize) {
    // SAFETY: as above.
    unsafe { free(data.cast(), units * 2) }
}

/// # Safety
/// `data` must hold `bytes` bytes, then the owner as `string_in_buffer` wrote it.
unsafe fn free(data: *mut u8, bytes: usize) {
    // SAFETY: see above; the owner came from `Box::into_raw`.
    drop(unsafe { Box::from_raw(data.add(bytes).cast::<*mut Store>().read_unaligned()) });
}
