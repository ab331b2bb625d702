//! Pages that are no calls: the dashboard.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Response};

use crate::dashboard::{self, HEADERS};
use crate::reply::{Body, whole};

/// The page at a path, if there is one.
pub(crate) fn file(method: &Method, path: &str) -> Option<Response<Body>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let file = dashboard::file(path)?;
    let bytes: &'static [u8] = if *method == Method::HEAD { &[] } else { file.body };
    let mut response = Response::new(whole(Bytes::from_static(bytes)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(CONTENT_LENGTH, file.body.len().into());
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dashboard_is_served_with_its_policy_and_only_to_those_who_read() {
        let page = file(&Method::GET, "/").expect("the page");
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        let policy = page.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert!(file(&Method::HEAD, "/dashboard/main.js").is_some());
        assert!(file(&Method::POST, "/").is_none());
        assert!(file(&Method::GET, "/dashboard/nothing.js").is_none());
    }
}
