//! What developers see, and what strangers do not.

use selvedge_runtime::failure::Position;

use super::*;

const EVIL: &str = "<script>alert('x')</script>&\"";

fn failure() -> Failure {
    let mut failure = Failure::new(Outcome::Exception, format!("Error: {EVIL} message"));
    failure.stack = format!("    at {EVIL} stack");
    failure.position = Some(Position { module: format!("{EVIL} module"), line: 3, column: 5 });
    failure.code_frame = Some(format!("  2 | a\n> 3 | {EVIL} frame\n    |     ^"));
    failure.hint = Some(format!("{EVIL} hint"));
    failure
}

#[test]
fn every_text_of_the_error_is_escaped() {
    let page = local(&failure(), Reads::Html);
    assert!(!page.body.contains("<script"), "{}", page.body);
    let escaped = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;";
    for part in ["message", "stack", "module", "frame", "hint"] {
        assert!(page.body.contains(&format!("{escaped} {part}")), "{part}: {}", page.body);
    }
    assert!(page.body.contains("<span class=\"at\">&gt; 3 | "));
}

#[test]
fn curl_gets_the_same_as_text() {
    let failure = failure();
    let page = local(&failure, Reads::Text);
    assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(page.content_type, "text/plain; charset=UTF-8");
    assert_eq!(page.body, format!("{failure}\n"));
    assert!(page.headers().contains(&("cache-control", "no-store")));
}

#[test]
fn a_stranger_learns_a_code_and_a_reference_only() {
    let reference = Reference::new();
    for reads in [Reads::Html, Reads::Text] {
        let page = production(Outcome::Exception, &reference, reads);
        assert_eq!(page.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(page.body.contains("1101") && page.body.contains(reference.as_str()));
        let page = production(Outcome::ExceededCpu, &reference, reads);
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.body.contains("1102") && page.body.contains(reference.as_str()));
    }
}

#[test]
fn references_are_16_hexadecimal_digits_and_differ() {
    let all: std::collections::HashSet<_> =
        (0..1000).map(|_| Reference::new().as_str().to_owned()).collect();
    assert_eq!(all.len(), 1000);
    assert!(all.iter().all(|it| it.len() == 16 && it.bytes().all(|byte| byte.is_ascii_hexdigit())));
}

#[test]
fn limits_are_503_and_exceptions_500() {
    for (outcome, status) in [
        (Outcome::Exception, 500),
        (Outcome::InternalError, 500),
        (Outcome::ExceededCpu, 503),
        (Outcome::ExceededMemory, 503),
        (Outcome::ExceededWallTime, 503),
        (Outcome::LoadShed, 503),
        (Outcome::ScriptNotFound, 404),
    ] {
        assert_eq!(status_of(outcome).as_u16(), status, "{outcome}");
    }
}

#[test]
fn refusals_are_short() {
    let text =
        |status: u16| refusal(StatusCode::from_u16(status).expect("a status"), Reads::Text).body;
    assert_eq!(text(413), "413 Payload Too Large: the body of the request is too large.\n");
    for status in [400, 408, 414, 431, 503] {
        assert!(text(status).contains(": the "), "{}", text(status));
    }
    assert_eq!(text(502), "502 Bad Gateway\n");
    let page = refusal(StatusCode::BAD_REQUEST, Reads::Html);
    assert!(page.body.contains("<p>The request is not valid HTTP.</p>"), "{}", page.body);
}

#[test]
fn html_is_for_those_who_name_it() {
    let of = |accept: &str| Reads::of(Some(accept.as_bytes()));
    assert_eq!(of("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Reads::Html);
    assert_eq!(of("application/json, Text/HTML ; q=0.5"), Reads::Html);
    assert_eq!(of("*/*"), Reads::Text);
    assert_eq!(of("text/html;q=0, */*"), Reads::Text);
    assert_eq!(of("text/html;q=0.0"), Reads::Text);
    assert_eq!(of("text/html5"), Reads::Text);
    assert_eq!(Reads::of(None), Reads::Text);
    assert_eq!(Reads::of(Some(b"\xff, text/html")), Reads::Html);
}
