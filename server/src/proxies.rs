//! Proxies before this server, such as load balancers: from those that the
//! operator names, `X-Forwarded-For` and `X-Forwarded-Proto` are believed.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks of proxies that are believed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Proxies(Vec<IpNet>);

/// What a proxy said of a request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Forwarded {
    /// The client: the last address in the list that is no proxy's.
    pub(crate) address: Option<IpAddr>,
    /// `http` or `https`.
    pub(crate) scheme: Option<&'static str>,
}

impl Proxies {
    /// These networks.
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this is the address of a proxy that is believed.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Reads a request's headers.
    pub(crate) fn read<'a>(
        &self,
        headers: impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Forwarded {
        let mut said = Forwarded::default();
        let mut found = false;
        // Each proxy appends: what stands last was said by the nearest one.
        for (name, value) in headers.rev() {
            if !found && name.eq_ignore_ascii_case(b"x-forwarded-for") {
                for item in value.rsplit(|byte| *byte == b',') {
                    let Some(address) = address(item) else {
                        // What stands before it may be anything.
                        found = true;
                        break;
                    };
                    said.address = Some(address);
                    if !self.contains(address) {
                        found = true;
                        break;
                    }
                }
            } else if said.scheme.is_none() && name.eq_ignore_ascii_case(b"x-forwarded-proto") {
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                said.scheme = match last.trim_ascii() {
                    b"https" => Some("https"),
                    b"http" => Some("http"),
                    _ => None,
                };
            }
        }
        said
    }
}

/// An address of the list, which some proxies write with a port.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text.trim_ascii()).ok()?;
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(list: &[&str], proto: &str) -> Forwarded {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let list = list.iter().map(|value| (&b"X-Forwarded-For"[..], value.as_bytes()));
        let proto = [(&b"x-forwarded-proto"[..], proto.as_bytes())];
        let all: Vec<_> = list.chain(proto).collect();
        proxies.read(all.into_iter())
    }

    #[test]
    fn the_last_address_that_is_no_proxys_is_the_clients() {
        let address = |list: &[&str]| said(list, "").address.map(|it| it.to_string());
        assert_eq!(address(&["1.1.1.1, 2.2.2.2, 10.0.0.1"]).as_deref(), Some("2.2.2.2"));
        assert_eq!(address(&["1.1.1.1", "2.2.2.2"]).as_deref(), Some("2.2.2.2"));
        assert_eq!(address(&["1.1.1.1", "10.0.0.1"]).as_deref(), Some("1.1.1.1"));
        assert_eq!(address(&["10.0.0.2, 10.0.0.1"]).as_deref(), Some("10.0.0.2"));
        assert_eq!(address(&["[2001:db8::1]:80"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(address(&["1.1.1.1, nonsense"]), None);
        assert_eq!(address(&[]), None);
    }

    #[test]
    fn the_scheme_is_that_of_the_nearest_proxy() {
        assert_eq!(said(&[], "http, https").scheme, Some("https"));
        assert_eq!(said(&[], "gopher").scheme, None);
    }
}
