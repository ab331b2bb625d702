//! JavaScript exceptions as failures: message, frames of the Worker's own
//! modules, the lines around the place.

use deno_core::error::{CoreError, CoreErrorKind, JsError, JsStackFrame};
use deno_core::v8;

use crate::failure::{Failure, Outcome, Position, code_frame};
use crate::modules::module_name;
use crate::source_map::{original, source_text};
use crate::watchdog::Site;
use crate::worker::Worker;

/// The failure that an exception stands for.
pub fn failure_of_exception<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    exception: v8::Local<'s, v8::Value>,
    worker: &Worker,
) -> Failure {
    let error = JsError::from_v8_exception(scope, exception);
    failure_of(&error, worker)
}

/// The same from an error that deno_core already took apart.
pub(crate) fn failure_of(error: &JsError, worker: &Worker) -> Failure {
    let mut failure = Failure::new(Outcome::Exception, message_of(error));
    let frames: Vec<_> = error.frames.iter().filter(|frame| is_own(frame)).collect();
    failure.stack = frames.iter().map(|frame| frame_text(frame)).collect::<Vec<_>>().join("\n");
    if let Some(cause) = &error.cause {
        failure.stack.push_str(&format!("\n  [cause]: {}", text_of(cause)));
    }
    if let Some(position) = frames.iter().find_map(|frame| position_of(frame)) {
        show(&mut failure, position, worker);
    }
    failure
}

/// Adds the lines around a place.
fn show(failure: &mut Failure, position: Position, worker: &Worker) {
    let source = match worker.module(&position.module) {
        Some(module) => Some(String::from_utf8_lossy(&module.body).into_owned()),
        None => source_text(worker, &position.module),
    };
    failure.code_frame =
        source.and_then(|source| code_frame(&source, position.line, position.column));
    failure.position = Some(position);
}

/// Adds where JavaScript was when it was stopped: the innermost frame of the
/// Worker's own, and those around it.
pub(crate) fn locate(failure: &mut Failure, sites: &[Site], worker: &Worker) {
    let frames: Vec<_> = sites
        .iter()
        .filter_map(|site| {
            let module = module_name(&site.script)?;
            // (A classic script runs under a name of its own.)
            let module = match worker.module(&module) {
                Some(_) => module,
                None => worker.main.clone(),
            };
            let (module, line, column) = worker
                .module(&module)
                .and_then(|module| original(module, site.line, site.column))
                .unwrap_or((module, site.line, site.column));
            Some((Position { module, line, column }, site.function.as_deref()))
        })
        .collect();
    let lines = frames.iter().map(|(at, function)| {
        let place = format!("{}:{}:{}", at.module, at.line, at.column);
        match function {
            Some(function) => format!("    at {function} ({place})"),
            None => format!("    at {place}"),
        }
    });
    failure.stack = lines.collect::<Vec<_>>().join("\n");
    if let Some((position, _)) = frames.into_iter().next() {
        show(failure, position, worker);
    }
}

/// The JavaScript error in an error of deno_core's, if it is one.
pub(crate) fn js_error(error: &CoreError) -> Option<&JsError> {
    match &*error.0 {
        CoreErrorKind::Js(error) => Some(error),
        _ => None,
    }
}

/// Message and stack, as a log shows them.
pub(crate) fn text_of(error: &JsError) -> String {
    let mut text = format!("Uncaught {}", message_of(error));
    for frame in error.frames.iter().filter(|frame| is_own(frame)) {
        text.push('\n');
        text.push_str(&frame_text(frame));
    }
    text
}

fn message_of(error: &JsError) -> String {
    error
        .exception_message
        .trim_start_matches("Uncaught ")
        .trim_start_matches("(in promise) ")
        .to_owned()
}

/// Frames of the platform's own code say nothing to a user.
fn is_own(frame: &JsStackFrame) -> bool {
    frame.file_name.as_deref().is_none_or(|file| !file.starts_with("ext:"))
}

fn position_of(frame: &JsStackFrame) -> Option<Position> {
    Some(Position {
        module: module_name(frame.file_name.as_deref()?)?,
        line: u32::try_from(frame.line_number?).ok()?,
        column: u32::try_from(frame.column_number?).ok()?,
    })
}

fn frame_text(frame: &JsStackFrame) -> String {
    let place = match (frame.file_name.as_deref(), frame.line_number, frame.column_number) {
        (Some(file), Some(line), Some(column)) => {
            let name = module_name(file).unwrap_or_else(|| file.to_owned());
            format!("{name}:{line}:{column}")
        }
        _ => "<anonymous>".to_owned(),
    };
    let function = match (&frame.type_name, &frame.function_name, &frame.method_name) {
        (_, Some(function), _) if frame.is_async => Some(format!("async {function}")),
        (_, Some(function), _) if frame.is_constructor => Some(format!("new {function}")),
        (Some(type_name), Some(function), _)
            if frame.is_top_level == Some(false)
                && type_name != "Object"
                && !function.starts_with(type_name.as_str()) =>
        {
            Some(format!("{type_name}.{function}"))
        }
        (_, Some(function), _) => Some(function.clone()),
        (_, None, method) => method.clone(),
    };
    match function {
        Some(function) => format!("    at {function} ({place})"),
        None => format!("    at {place}"),
    }
}

/// Further down no stack is formatted: that itself takes stack, and V8 ends the
/// process when it finds itself below what it allows JavaScript (984 KB) and some.
const MAX_DEPTH_BYTES: usize = 728 * 1024;

/// Formats `error.stack` without the frames of the platform's own code.
pub(crate) fn prepare_stack_trace<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    error: v8::Local<'s, v8::Value>,
    sites: v8::Local<'s, v8::Array>,
) -> v8::Local<'s, v8::Value> {
    if crate::stack::depth() > MAX_DEPTH_BYTES {
        return v8::String::new(scope, "(too deep for a stack trace)")
            .map_or_else(|| v8::undefined(scope).into(), Into::into);
    }
    let own = own_sites(scope, sites).unwrap_or(sites);
    let stack = deno_core::error::prepare_stack_trace_callback(scope, error, own);
    crate::modules::shown_stack(scope, stack)
}

fn own_sites<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    sites: v8::Local<'s, v8::Array>,
) -> Option<v8::Local<'s, v8::Array>> {
    let key =
        v8::String::new_from_one_byte(scope, b"getFileName", v8::NewStringType::Internalized)?;
    let mut own: Vec<v8::Local<v8::Value>> = Vec::with_capacity(sites.length() as usize);
    for index in 0..sites.length() {
        let site = sites.get_index(scope, index)?;
        let object = v8::Local::<v8::Object>::try_from(site).ok()?;
        let method = v8::Local::<v8::Function>::try_from(object.get(scope, key.into())?).ok()?;
        let file = method.call(scope, site, &[])?;
        if !(file.is_string() && file.to_rust_string_lossy(scope).starts_with("ext:")) {
            own.push(site);
        }
    }
    Some(v8::Array::new_with_elements(scope, &own))
}
