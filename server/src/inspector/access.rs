//! Who may connect: programs of this machine, and no page of the web.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};

const HOST: &str = "the Host header must be an IP address or localhost";
const ORIGIN: &str = "pages of this origin may not debug";

/// Schemes of debuggers that are pages themselves. Pages of the web cannot be
/// of these.
const DEBUGGERS: &[&str] =
    &["devtools", "chrome-devtools", "chrome-extension", "vscode-file", "vscode-webview"];

/// Checks where a request comes from.
///
/// # Errors
/// Why it is refused.
pub(super) fn check(headers: &HeaderMap) -> Result<(), &'static str> {
    // A name that a page chose can lead to this address (DNS rebinding); the
    // page cannot choose what the browser then sends as the host.
    let mut hosts = headers.get_all(header::HOST).iter();
    if let Some(host) = hosts.next()
        && (hosts.next().is_some() || !host.to_str().is_ok_and(is_address))
    {
        return Err(HOST);
    }
    if headers.get_all(header::ORIGIN).iter().all(is_welcome) { Ok(()) } else { Err(ORIGIN) }
}

/// Whether a host, perhaps with a port, is an address or this machine's name.
fn is_address(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if port.is_empty() || is_port(port) => address,
            _ => return false,
        },
        None => match host.find(':') {
            Some(at) if is_port(&host[at..]) => &host[..at],
            Some(_) => return false,
            None => host,
        },
    };
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

/// `:` and digits.
fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_welcome(origin: &HeaderValue) -> bool {
    let Some((scheme, rest)) = origin.to_str().ok().and_then(|origin| origin.split_once("://"))
    else {
        return false;
    };
    match scheme {
        // What this machine itself serves.
        "http" | "https" => {
            let name = rest.split_once("]:").map_or(rest, |(name, _)| name);
            let name = name.trim_start_matches('[').trim_end_matches(']');
            let name = match name.parse::<IpAddr>() {
                Ok(_) => name,
                Err(_) => name.split(':').next().unwrap_or_default(),
            };
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        _ => DEBUGGERS.contains(&scheme),
    }
}
