//! What a caller in another isolate is told when a Durable Object gave no
//! answer: a response that no Worker can make. `durable/src/elsewhere.js` reads
//! it, and writes the same for exceptions.

use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::{Failure, Outcome};

/// Its status.
pub(crate) const STATUS: u16 = 900;
/// Its header: JSON of the error, in ASCII.
const HEADER: &[u8] = b"selvedge-failure";

/// The header of the response.
pub(crate) fn headers(failure: &Failure) -> HeaderBlobBuf {
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
    let error = serde_json::json!({
        "name": "Error",
        "message": message,
        "durableObjectReset": is_reset || is_lost,
        "retryable": is_lost,
        "overloaded": failure.outcome == Outcome::ExceededMemory,
    });
    let mut headers = HeaderBlobBuf::default();
    headers.push(HEADER, ascii(&error.to_string()).as_bytes());
    headers
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
        let headers = headers(&failure);
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
            let headers = headers(&Failure::new(outcome, "m"));
            let value = headers.as_blob().get("selvedge-failure").expect("there is one").to_vec();
            let json: serde_json::Value = serde_json::from_slice(&value).expect("it is JSON");
            assert_eq!(json["durableObjectReset"], reset, "{outcome}");
            assert_eq!(json["retryable"], retryable, "{outcome}");
            assert_eq!(json["overloaded"], outcome == Outcome::ExceededMemory, "{outcome}");
        }
    }
}
