//! What `js/cloned_errors.js` and `js/plain_clone.js` ask of values that are cloned.

use deno_core::{op2, v8};

/// Whether a value that V8 serialized holds an error.
#[op2(fast)]
pub(crate) fn op_holds_error(#[buffer] bytes: &[u8]) -> bool {
    selvedge_runtime::serialized::holds_error(bytes)
}

/// What a value is to `structuredClone()`, whatever its prototype says: 1 an ordinary
/// object, 2 an array, 3 a date, 4 a map, 5 a set, 0 another, such as a proxy.
#[op2(fast)]
#[smi]
pub(crate) fn op_clone_kind(value: v8::Local<'_, v8::Value>) -> u32 {
    if value.is_array() {
        return 2;
    }
    if value.is_date() {
        return 3;
    }
    if value.is_map() {
        return 4;
    }
    if value.is_set() {
        return 5;
    }
    let ordinary = value.try_cast::<v8::Object>().is_ok_and(|object| {
        object.internal_field_count() == 0
            && !(value.is_proxy()
                || value.is_function()
                || value.is_native_error()
                || value.is_reg_exp()
                || value.is_array_buffer()
                || value.is_array_buffer_view()
                || value.is_shared_array_buffer()
                || value.is_boolean_object()
                || value.is_number_object()
                || value.is_string_object()
                || value.is_symbol_object()
                || value.is_big_int_object()
                || value.is_arguments_object()
                || value.is_promise()
                || value.is_map_iterator()
                || value.is_set_iterator()
                || value.is_weak_map()
                || value.is_weak_set()
                || value.is_generator_object()
                || value.is_wasm_memory_object()
                || value.is_wasm_module_object()
                || value.is_external()
                || value.is_module_namespace_object())
    });
    u32::from(ordinary)
}
