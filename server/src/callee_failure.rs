//! What a caller in another isolate is told when a Worker or a Durable Object gave
//! no answer: a response that no Worker can make. `js/rpc/failures.js` reads it, and
//! `durable/src/elsewhere.js` writes the same for exceptions.

use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::{Failure, Outcome};

/// Its status.
pub(crate) const STATUS: u16 = 900;
/// Its header: JSON of the error, in ASCII.
const HEADER: &[u8] = b"selvedge-failure";
/// What fits a header, also where each character is escaped.
const MAX_MESSAGE_CHARS: usize = 2000;
/// The classes of JavaScript's own errors.
const ERRORS: [&str; 7] =
    ["Error", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"];

/// The header of the response, of an object or of a Worker.
pub(crate) fn headers(failure: &Failure, of_object: bool) -> HeaderBlobBuf {
    let error = if of_object { object_error(failure) } else { worker_error(failure) };
    let mut headers = HeaderBlobBuf::default();
    headers.push(HEADER, ascii(&error.to_string()).as_bytes());
    headers
}

fn object_error(failure: &Failure) -> serde_json::Value {
    let message = match failure.outcome {
        Outcome::ExceededCpu => "Durable Object exceeded its CPU time limit and was reset.",
        Outcome::ExceededMemory => {
            "Durable Object's isolate exceeded its memory limit and was reset."
        }
        Outcome::Exception => &failure.message,
        _ => "Network connection lost.",
    };
    let is_reset = matches!(failure.outcome, Outcome::ExceededCpu | Outcome::ExceededMemory);
    let is_lost = !is_reset && failure.outcome != Outcome::Exception;
    serde_json::json!({
        "name": "Error",
        "message": message,
        "durableObjectReset": is_reset || is_lost,
        "retryable": is_lost,
        "overloaded": failure.outcome == Outcome::ExceededMemory,
    })
}

/// An exception is one of the same class for the caller of a service binding; what
/// else ended the callee is an `Error`, as on Cloudflare.
fn worker_error(failure: &Failure) -> serde_json::Value {
    let named = (failure.outcome == Outcome::Exception)
        .then(|| failure.message.split_once(": "))
        .flatten()
        .filter(|(name, _)| ERRORS.contains(name));
    let (name, message) = named.unwrap_or(("Error", &failure.message));
    let message: String = message.chars().take(MAX_MESSAGE_CHARS).collect();
    serde_json::json!({ "name": name, "message": message })
}

/// The same JSON without what a header cannot hold.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for unit in json.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte < 0x7f => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\u{unit:04x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_message_comes_through_a_header() {
        let failure = Failure::new(Outcome::Exception, "caf\u{e9}\r\n\u{1f600}\u{7f}\"");
        let headers = headers(&failure, true);
        let value = headers.as_blob().get("selvedge-failure").expect("there is one").to_vec();
        assert!(value.iter().all(|byte| (0x20..0x7f).contains(byte)));
        let json: serde_json::Value = serde_json::from_slice(&value).expect("it is JSON");
        assert_eq!(json["message"], "caf\u{e9}\r\n\u{1f600}\u{7f}\"");
    }

    #[test]
    fn a_stop_says_that_the_object_was_reset() {
        for (outcome, reset, retryable) in [
            (Outcome::ExceededCpu, true, false),
            (Outcome::ExceededMemory, true, false),
            (Outcome::InternalError, true, true),
            (Outcome::Exception, false, false),
        ] {
            let headers = headers(&Failure::new(outcome, "m"), true);
            let value = headers.as_blob().get("selvedge-failure").expect("there is one").to_vec();
            let json: serde_json::Value = serde_json::from_slice(&value).expect("it is JSON");
            assert_eq!(json["durableObjectReset"], reset, "{outcome}");
            assert_eq!(json["retryable"], retryable, "{outcome}");
            assert_eq!(json["overloaded"], outcome == Outcome::ExceededMemory, "{outcome}");
        }
    }

    #[test]
    fn a_callee_that_threw_gives_an_error_of_its_class() {
        for (outcome, text, name, message) in [
            (Outcome::Exception, "TypeError: a: b", "TypeError", "a: b"),
            (Outcome::Exception, "Mine: a", "Error", "Mine: a"),
            (Outcome::ExceededCpu, "Error: too much", "Error", "Error: too much"),
        ] {
            let error = worker_error(&Failure::new(outcome, text));
            assert_eq!(error, serde_json::json!({ "name": name, "message": message }));
        }
    }
}
