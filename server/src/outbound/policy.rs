//! Which addresses a subrequest may reach.
//!
//! The rule looks at addresses, never at names: a name is resolved first, and
//! only addresses that passed are connected to, so that a name that resolves
//! differently the second time (DNS rebinding) gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use selvedge_runtime::Mode;

/// Decides about addresses. Clones share the list of exceptions.
#[derive(Debug, Clone)]
pub struct Policy {
    mode: Mode,
    exceptions: Arc<[SocketAddr]>,
    networks: Arc<[IpNet]>,
}

impl Policy {
    /// [`Mode::Local`] reaches everything, [`Mode::Production`] what
    /// [`is_public`] says.
    pub fn new(mode: Mode) -> Self {
        Self { mode, exceptions: Arc::from([]), networks: Arc::from([]) }
    }

    /// Addresses that may be reached whatever the mode says: a service of the
    /// operator's own on a private network.
    #[must_use]
    pub fn with_exceptions(self, exceptions: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { exceptions: exceptions.into_iter().collect(), ..self }
    }

    /// The same for all addresses of these networks.
    #[must_use]
    pub fn with_networks(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self { networks: networks.into_iter().collect(), ..self }
    }

    /// Whether this address may be connected to.
    pub fn permits(&self, address: SocketAddr) -> bool {
        self.mode == Mode::Local
            || is_public(address.ip())
            || self.exceptions.contains(&address)
            || self.networks.iter().any(|network| network.contains(&address.ip()))
    }
}

/// Whether an address belongs to the public internet: globally reachable
/// unicast after the IANA special-purpose registries
/// (<https://www.iana.org/assignments/iana-ipv4-special-registry/>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // "This network" (RFC 791), private (RFC 1918), loopback (RFC 1122).
        (0 | 10 | 127, _, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Carrier-grade NAT (RFC 6598).
        (100, 64..=127, _) => true,
        // Link-local (RFC 3927), where clouds keep their metadata services.
        (169, 254, _) => true,
        // IETF protocol assignments (RFC 6890), 6to4 relays (RFC 7526).
        (192, 0, 0) | (192, 88, 99) => true,
        // Documentation (RFC 5737).
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => true,
        // Benchmarking (RFC 2544).
        (198, 18..=19, _) => true,
        // Multicast (RFC 5771), reserved (RFC 1112), broadcast (RFC 919).
        (224..=255, _, _) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 (RFC 6052): as public as the IPv4 address inside.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // 6to4 (RFC 3056): the router's IPv4 address is in the prefix.
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)),
        // Teredo (RFC 4380): the server's address, and the client's inverted.
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            is_public_v4(embedded(server_high, server_low)) && is_public_v4(embedded(!high, !low))
        }
        // IETF protocol assignments (RFC 2928), benchmarking and ORCHID among
        // them; documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is 2000::/3 (RFC 4291). Outside of it lie unspecified,
        // loopback, IPv4-mapped, IPv4-compatible, local NAT64, unique-local,
        // link-local, site-local and multicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        let table = [
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("1.1.1.1", true),
            ("9.255.255.255", true),
            ("10.0.0.1", false),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.0", true),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.253.0.1", true),
            ("169.254.169.254", false),
            ("172.15.0.1", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.0.0.1", false),
            ("192.0.0.170", false),
            ("192.0.1.1", true),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.167.0.1", true),
            ("192.168.1.1", false),
            ("198.17.0.1", true),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.7", false),
            ("223.255.255.255", true),
            ("224.0.0.1", false),
            ("239.1.1.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:1.1.1.1", false),
            ("::ffff:0:1.1.1.1", false),
            ("::10.0.0.1", false),
            ("::1.1.1.1", false),
            ("64:ff9b::1.1.1.1", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b:1::1.1.1.1", false),
            ("100::1", false),
            // Teredo: server 65.54.227.120, client 192.0.2.45, 1.1.1.1 and 10.0.0.1 inverted.
            ("2001:0:4136:e378:8000:63bf:3fff:fdd2", false),
            ("2001:0:4136:e378:8000:63bf:fefe:fefe", true),
            ("2001:0:4136:e378:8000:63bf:f5ff:fffe", false),
            ("2001:0:a00:1:8000:63bf:fefe:fefe", false),
            ("2001:2::1", false),
            ("2001:10::1", false),
            ("2001:20::1", false),
            ("2001:200::1", true),
            ("2001:db8::1", false),
            ("2001:4860:4860::8888", true),
            ("2002:101:101::1", true),
            ("2002:a00:1::1", false),
            ("2002:7f00:1::1", false),
            ("2002:a9fe:a9fe::1", false),
            ("2606:4700:4700::1111", true),
            ("3fff::1", false),
            ("3fff:1000::1", true),
            ("4000::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("febf::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ];
        for (text, public) in table {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(is_public(address), public, "{text}");
        }
    }

    #[test]
    fn local_mode_permits_everything() {
        let policy = Policy::new(Mode::Local);
        assert!(policy.permits("127.0.0.1:80".parse().unwrap()));
        assert!(policy.permits("[fd00:ec2::254]:80".parse().unwrap()));
    }

    #[test]
    fn an_exception_is_one_address_and_one_port() {
        let policy = Policy::new(Mode::Production)
            .with_exceptions(["10.0.0.5:5000".parse::<SocketAddr>().unwrap()]);
        assert!(policy.permits("10.0.0.5:5000".parse().unwrap()));
        assert!(!policy.permits("10.0.0.5:5001".parse().unwrap()));
        assert!(!policy.permits("10.0.0.6:5000".parse().unwrap()));
        assert!(policy.permits("1.1.1.1:443".parse().unwrap()));
    }
}
