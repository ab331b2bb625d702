//! What both ends agree on of permessage-deflate (RFC 7692, 7.1), the one
//! extension that is spoken here.
//!
//! As workerd reads it: names are told apart by case, an element that does not
//! parse is passed over, and a server takes the first offer that it can.

use std::fmt;

/// The extension's name (RFC 7692, 7).
const NAME: &str = "permessage-deflate";
const SERVER_NO_CONTEXT: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";
/// log2 of the largest window, which is what holds where nothing is said (RFC
/// 7692, 7.1.2).
pub(super) const MAX_WINDOW_BITS: u8 = 15;

/// The parameters of an offer, or of its answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Deflate {
    /// The server begins each message with an empty window.
    pub(super) server_no_context: bool,
    /// The client does.
    pub(super) client_no_context: bool,
    /// log2 of the server's window, 8 to 15.
    pub(super) server_bits: Option<u8>,
    /// log2 of the client's window; in an offer also that the client can be
    /// told one.
    pub(super) client_bits: Option<u8>,
}

/// Whether clients whose answer says nothing of it may keep their window from
/// message to message, so that this end must keep it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    Kept,
    Dropped,
}

impl Deflate {
    /// All that a header lists, in its order.
    pub(crate) fn all(header: &str) -> impl Iterator<Item = Self> {
        elements(header, b',').filter_map(Self::parse)
    }

    /// The one element of a header, if it has no other.
    pub(crate) fn only(header: &str) -> Option<Self> {
        let mut elements = elements(header, b',');
        let only = Self::parse(elements.next()?)?;
        elements.next().is_none().then_some(only)
    }

    /// The answer to what a client offers, if one of its offers will do. A Worker that
    /// sets the header itself decides how much of an offer it takes; else the first is
    /// taken as it is.
    pub(crate) fn accept(offers: &str, own: Option<&str>, context: Context) -> Option<Self> {
        let Some(own) = own else {
            let mut answer = Self::all(offers).next()?;
            answer.client_no_context |= context == Context::Dropped;
            return Some(answer);
        };
        let own = Self::all(own).next()?;
        Self::all(offers).find_map(|offer| own.agree(offer))
    }

    /// What a Worker's answer becomes for an offer that may be narrower; `None`
    /// where the two exclude each other.
    fn agree(self, offer: Self) -> Option<Self> {
        if offer.server_no_context && !self.server_no_context {
            return None;
        }
        let server_bits = match (offer.server_bits, self.server_bits) {
            (Some(_), None) => return None,
            (Some(offered), Some(own)) => Some(offered.min(own)),
            (None, own) => own,
        };
        let client_bits = offer.client_bits.zip(self.client_bits).map(|(a, b)| a.min(b));
        Some(Self { server_bits, client_bits, ..self })
    }

    fn parse(element: &str) -> Option<Self> {
        let mut parts = elements(element, b';');
        if parts.next() != Some(NAME) {
            return None;
        }
        let mut all = Self::default();
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name.trim_end(), Some(unquoted(value.trim_start()))),
                None => (part, None),
            };
            // None may stand twice (RFC 7692, 7.1).
            match (name, value) {
                (SERVER_NO_CONTEXT, None) if !all.server_no_context => {
                    all.server_no_context = true;
                }
                (CLIENT_NO_CONTEXT, None) if !all.client_no_context => {
                    all.client_no_context = true;
                }
                (SERVER_BITS, Some(value)) if all.server_bits.is_none() => {
                    all.server_bits = Some(window_bits(value)?);
                }
                (CLIENT_BITS, Some(value)) if all.client_bits.is_none() => {
                    all.client_bits = Some(window_bits(value)?);
                }
                (CLIENT_BITS, None) if all.client_bits.is_none() => {
                    all.client_bits = Some(MAX_WINDOW_BITS);
                }
                _ => return None,
            }
        }
        Some(all)
    }
}

/// As it stands in a header.
impl fmt::Display for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.client_no_context {
            write!(f, "; {CLIENT_NO_CONTEXT}")?;
        }
        if self.server_no_context {
            write!(f, "; {SERVER_NO_CONTEXT}")?;
        }
        if let Some(bits) = self.client_bits {
            write!(f, "; {CLIENT_BITS}={bits}")?;
        }
        if let Some(bits) = self.server_bits {
            write!(f, "; {SERVER_BITS}={bits}")?;
        }
        Ok(())
    }
}

/// The parts of a list, without the blanks around them. What is quoted is one part,
/// whatever it holds.
fn elements(list: &str, separator: u8) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    list.split(move |character: char| {
        let splits = !quoted && character == char::from(separator);
        quoted ^= character == '"' && !escaped;
        escaped = quoted && character == '\\' && !escaped;
        splits
    })
    .map(str::trim)
}

/// A value may be quoted (RFC 6455, 9.1).
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// 8 to 15, without leading zeros (RFC 7692, 7.1.2.1).
fn window_bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok()?;
    (!value.starts_with(['0', '+']) && (8..=MAX_WINDOW_BITS).contains(&bits)).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(offers: &str, own: Option<&str>) -> Option<String> {
        Deflate::accept(offers, own, Context::Kept).map(|it| it.to_string())
    }

    #[test]
    fn the_first_offer_that_parses_is_taken() {
        for (offers, answer) in [
            ("", None),
            ("permessage-deflate", Some("")),
            ("permessage-deflate; client_max_window_bits", Some("; client_max_window_bits=15")),
            ("permessage-deflate; client_max_window_bits=9", Some("; client_max_window_bits=9")),
            ("permessage-deflate ;server_max_window_bits=8", Some("; server_max_window_bits=8")),
            (
                "permessage-deflate; server_max_window_bits=\"10\"",
                Some("; server_max_window_bits=10"),
            ),
            ("permessage-deflate; server_max_window_bits=16", None),
            ("permessage-deflate; server_max_window_bits=08", None),
            ("permessage-deflate; server_max_window_bits=+9", None),
            ("permessage-deflate; server_max_window_bits", None),
            ("permessage-deflate; server_no_context_takeover=1", None),
            ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
            ("permessage-deflate; client_max_window_bits=15; client_max_window_bits", None),
            ("permessage-deflate; foo=1", None),
            ("permessage-deflate; foo=1, permessage-deflate", Some("")),
            ("x-foo; bar=\"a, permessage-deflate\"", None),
            ("x-foo; bar=\"\\\", permessage-deflate\", permessage-deflate", Some("")),
            ("PerMessage-Deflate", None),
            (
                "permessage-deflate; server_max_window_bits=12;client_no_context_takeover; \
                 server_no_context_takeover; client_max_window_bits=11",
                Some(
                    "; client_no_context_takeover; server_no_context_takeover; \
                     client_max_window_bits=11; server_max_window_bits=12",
                ),
            ),
        ] {
            let answer = answer.map(|parameters| format!("{NAME}{parameters}"));
            assert_eq!(accepted(offers, None), answer, "{offers}");
        }
    }

    /// What workerd 1.20261117 answers, pair by pair.
    #[test]
    fn a_worker_decides_how_much_of_an_offer_it_takes() {
        for (own, offers, answer) in [
            ("", "", Some("")),
            ("", "; client_no_context_takeover", Some("")),
            ("", "; server_no_context_takeover", None),
            ("", "; client_max_window_bits", Some("")),
            ("", "; server_max_window_bits=10", None),
            ("", "; server_max_window_bits=10, permessage-deflate", Some("")),
            ("; client_no_context_takeover", "", Some("; client_no_context_takeover")),
            ("; client_no_context_takeover", "; server_no_context_takeover", None),
            ("; server_no_context_takeover", "", Some("; server_no_context_takeover")),
            (
                "; server_no_context_takeover",
                "; server_no_context_takeover",
                Some("; server_no_context_takeover"),
            ),
            ("; client_max_window_bits", "", Some("")),
            (
                "; client_max_window_bits",
                "; client_max_window_bits=10",
                Some("; client_max_window_bits=10"),
            ),
            (
                "; client_max_window_bits=10",
                "; client_max_window_bits=12",
                Some("; client_max_window_bits=10"),
            ),
            ("; server_max_window_bits=12", "", Some("; server_max_window_bits=12")),
            (
                "; server_max_window_bits=12",
                "; server_max_window_bits=10",
                Some("; server_max_window_bits=10"),
            ),
            (
                "; server_max_window_bits=10",
                "; server_max_window_bits=12",
                Some("; server_max_window_bits=10"),
            ),
            ("; foo", "", None),
        ] {
            let own = format!("{NAME}{own}");
            let offers = format!("{NAME}{offers}");
            let answer = answer.map(|parameters| format!("{NAME}{parameters}"));
            assert_eq!(accepted(&offers, Some(&own)), answer, "{own} | {offers}");
        }
        assert_eq!(accepted(NAME, Some("x-foo")), None);
    }

    #[test]
    fn a_server_may_ask_clients_to_drop_their_window() {
        let answer = |own| Deflate::accept(NAME, own, Context::Dropped).map(|it| it.to_string());
        assert_eq!(answer(None).as_deref(), Some("permessage-deflate; client_no_context_takeover"));
        assert_eq!(answer(Some(NAME)).as_deref(), Some(NAME), "the Worker knows better");
    }
}
