//! Redirects over the network; the rules have their own table.

use http::Response;
use selvedge_runtime::outbound::{OutboundBody, OutboundError, Redirect};
use selvedge_runtime::{Limits, Mode};

use super::harness::*;
use crate::outbound::{MAX_REDIRECTS, Options, Policy};

/// `/<status>` redirects to `/end`, `/round` to itself; the rest is echoed.
async fn redirecting() -> Origin {
    Origin::start(|request| async move {
        match request.uri().path() {
            "/round" => redirect(302, "/round"),
            "/end" => echo(request).await,
            path => redirect(path[1..].parse().unwrap(), "end#fragment"),
        }
    })
    .await
}

#[test]
fn a_redirect_is_followed() {
    run(async {
        let origin = redirecting().await;
        let isolate = Isolate::new();
        let response = isolate.fetch(get(origin.url("/302"))).await.unwrap();
        assert_eq!((response.status, response.redirected), (200, true));
        assert_eq!(response.url, origin.url("/end"));
        assert_eq!(isolate.state.context(0).unwrap().subrequests, 2);
        assert_eq!(origin.accepted.get(), 1);
    });
}

#[test]
fn a_body_goes_along_or_not() {
    run(async {
        let origin = redirecting().await;
        let isolate = Isolate::new();
        let send = |path: &str| {
            let headers = [("content-type", "text/plain"), ("x-other", "1")];
            let body = OutboundBody::Bytes("body".into());
            isolate.text(request("POST", origin.url(path), &headers, body))
        };
        for path in ["/307", "/308"] {
            let seen = send(path).await;
            assert!(seen.starts_with("POST /end\n") && seen.ends_with("\nbody"), "{seen}");
            assert!(seen.contains("content-type: text/plain"), "{seen}");
        }
        for path in ["/301", "/302", "/303"] {
            let seen = send(path).await;
            assert!(seen.starts_with("GET /end\n") && seen.ends_with("x-other: 1\n"), "{seen}");
            assert!(!seen.contains("content-"), "{seen}");
        }
        let stream = || Upload::of(&["body"]).stream(None);
        let result = isolate.fetch(request("POST", origin.url("/307"), &[], stream())).await;
        let Err(OutboundError::Invalid(text)) = result else { panic!("it was sent twice") };
        assert!(text.starts_with("A request with a one-time-use body"));
        let seen = isolate.text(request("POST", origin.url("/303"), &[], stream())).await;
        assert!(seen.starts_with("GET /end\n"));
    });
}

#[test]
fn another_origin_does_not_get_the_secrets() {
    run(async {
        let other = Origin::start(echo).await;
        let to = other.url("/");
        let origin = Origin::start(move |_| std::future::ready(redirect(307, &to))).await;
        let headers = [("authorization", "secret"), ("cookie", "secret"), ("x-kept", "1")];
        let seen = Isolate::new()
            .text(request("GET", origin.url("/"), &headers, OutboundBody::Empty))
            .await;
        assert!(!seen.contains("secret") && seen.contains("x-kept: 1"), "{seen}");
        assert!(seen.contains(&format!("host: {}", other.address)), "{seen}");
    });
}

#[test]
fn other_modes_do_not_follow() {
    run(async {
        let origin = redirecting().await;
        let isolate = Isolate::new();
        let mut manual = get(origin.url("/302"));
        manual.redirect = Redirect::Manual;
        let response = isolate.fetch(manual).await.unwrap();
        assert_eq!((response.status, response.redirected), (302, false));
        assert_eq!(header(&response, "location").as_deref(), Some("end#fragment"));
        let mut error = get(origin.url("/302"));
        error.redirect = Redirect::Error;
        assert!(matches!(isolate.fetch(error).await, Err(OutboundError::Invalid(_))));
    });
}

#[test]
fn a_circle_ends() {
    run(async {
        let origin = redirecting().await;
        let isolate = Isolate::new();
        let result = isolate.fetch(get(origin.url("/round"))).await;
        assert!(matches!(result, Err(OutboundError::TooManyRedirects)));
        assert_eq!(origin.requests.borrow().len(), MAX_REDIRECTS + 1);
        let limits = Limits { subrequests: 5, ..Limits::default() };
        let isolate = Isolate::with(Options::new(Policy::new(Mode::Local)), limits);
        let result = isolate.fetch(get(origin.url("/round"))).await;
        assert!(matches!(result, Err(OutboundError::TooManySubrequests)));
    });
}

#[test]
fn a_redirect_does_not_get_around_the_policy() {
    run(async {
        let private = Origin::saying("secret").await;
        let port = private.address.port();
        let origin = Origin::start(move |request| async move {
            let host = request.uri().path()[1..].to_owned();
            if host.is_empty() {
                return Response::new(full("public"));
            }
            redirect(302, &format!("http://{host}:{port}/"))
        })
        .await;
        // The first hop stands for a public server.
        let policy = Policy::new(Mode::Production).with_exceptions([origin.address]);
        let isolate = Isolate::with(Options::new(policy), Limits::default());
        assert_eq!(isolate.text(get(origin.url("/"))).await, "public");
        for host in ["127.0.0.1", "localhost", "[::1]", "0x7f.1"] {
            let result = isolate.fetch(get(origin.url(&format!("/{host}")))).await;
            let Err(OutboundError::Refused(text)) = result else { panic!("{host} was reached") };
            assert!(!text.contains("127."), "{text}");
        }
        assert_eq!(private.accepted.get(), 0);
    });
}
