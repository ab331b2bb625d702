//! Where JavaScript was when it was stopped.

use deno_core::v8;

/// As many frames are kept.
const MAX_FRAMES: usize = 16;

/// A frame of code that runs. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// The URL of its script.
    pub(crate) script: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) function: Option<String>,
}

/// The frames of what runs now, innermost first. Calls nothing of the Worker's.
pub(super) fn of_running(
    isolate: &mut v8::Isolate,
    js_context: &v8::Global<v8::Context>,
) -> Vec<Site> {
    v8::scope_with_context!(scope, isolate, js_context);
    let Some(trace) = v8::StackTrace::current_stack_trace(scope, MAX_FRAMES) else {
        return Vec::new();
    };
    (0..trace.get_frame_count())
        .filter_map(|index| {
            let frame = trace.get_frame(scope, index)?;
            let function = frame.get_function_name(scope);
            Some(Site {
                script: frame.get_script_name(scope)?.to_rust_string_lossy(scope),
                line: u32::try_from(frame.get_line_number()).ok()?,
                column: u32::try_from(frame.get_column()).ok()?,
                function: function
                    .map(|name| name.to_rust_string_lossy(scope))
                    .filter(|name| !name.is_empty()),
            })
        })
        .collect()
}
