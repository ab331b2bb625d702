//! Which events a tail is for, and what of them is not shown.

use serde::Deserialize;
use serde_json::Value;

/// What stands for a value that is not shown.
const REDACTED: &str = "REDACTED";

/// The filters of a tail: all must agree.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Filter(Vec<One>);

/// One of them, as clients send it: exactly one key.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum One {
    SamplingRate(f64),
    Outcome(Vec<String>),
    Method(Vec<String>),
    Header {
        key: String,
        query: Option<String>,
    },
    ClientIp(Vec<String>),
    Query(String),
    #[serde(rename = "scriptVersion")]
    ScriptVersion(String),
}

impl Filter {
    /// Reads the body of a call; `peer` is what `self` stands for.
    pub(crate) fn parse(body: &Value, peer: &str) -> Result<Self, String> {
        let list = match body {
            Value::Null => return Ok(Self::default()),
            Value::Array(list) => list.clone(),
            body => match body.get("filters") {
                None | Some(Value::Null) => return Ok(Self::default()),
                Some(Value::Array(list)) => list.clone(),
                Some(_) => return Err("\"filters\" is not a list".to_owned()),
            },
        };
        let mut filters = Vec::new();
        for item in list {
            let text = item.to_string();
            let mut one: One = serde_json::from_value(item)
                .map_err(|error| format!("the filter {text} is not valid: {error}"))?;
            match &mut one {
                One::SamplingRate(rate) if !(0.0..=1.0).contains(rate) => {
                    return Err("the sampling_rate is not between 0 and 1".to_owned());
                }
                One::ClientIp(addresses) => addresses
                    .iter_mut()
                    .filter(|address| *address == "self")
                    .for_each(|address| peer.clone_into(address)),
                _ => {}
            }
            filters.push(one);
        }
        Ok(Self(filters))
    }

    /// Whether an event is shown; `chance` is a random number from 0 to 1.
    pub(crate) fn takes(&self, event: &Value, chance: f64) -> bool {
        self.0.iter().all(|one| one.takes(event, chance))
    }
}

impl One {
    fn takes(&self, event: &Value, chance: f64) -> bool {
        let request = &event["event"]["request"];
        match self {
            Self::SamplingRate(rate) => chance < *rate,
            Self::Outcome(outcomes) => is_one_of(outcomes, &event["outcome"]),
            Self::Method(methods) => {
                let method = request["method"].as_str();
                method.is_some_and(|method| {
                    methods.iter().any(|wanted| wanted.eq_ignore_ascii_case(method))
                })
            }
            Self::Header { key, query } => header(request, key)
                .is_some_and(|value| query.as_deref().is_none_or(|query| value.contains(query))),
            Self::ClientIp(addresses) => header(request, "cf-connecting-ip")
                .is_some_and(|address| addresses.iter().any(|wanted| wanted == address)),
            Self::Query(text) => event["logs"].as_array().into_iter().flatten().any(|log| {
                log["message"].as_array().into_iter().flatten().any(|part| match part {
                    Value::String(part) => part.contains(text),
                    part => part.to_string().contains(text),
                })
            }),
            Self::ScriptVersion(id) => event["scriptVersion"]["id"].as_str() == Some(id),
        }
    }
}

fn is_one_of(list: &[String], value: &Value) -> bool {
    value.as_str().is_some_and(|value| list.iter().any(|wanted| wanted == value))
}

fn header<'a>(request: &'a Value, key: &str) -> Option<&'a str> {
    let headers = request["headers"].as_object()?;
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?.1.as_str()
}

/// Takes the values of headers that hold secrets out of an event, as Cloudflare
/// does: what is shown or kept is without them.
pub fn redact(event: &mut Value) {
    for side in ["request", "response"] {
        let Some(headers) = event
            .get_mut("event")
            .and_then(|event| event.get_mut(side))
            .and_then(|side| side.get_mut("headers"))
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        for (name, value) in headers.iter_mut() {
            let name = name.to_ascii_lowercase();
            if ["auth", "cookie", "key", "secret", "token", "jwt"]
                .iter()
                .any(|part| name.contains(part))
            {
                *value = Value::from(REDACTED);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> Value {
        json!({
            "outcome": "exception", "scriptVersion": { "id": "v1" },
            "logs": [{ "message": ["hello", { "n": 7 }], "level": "log", "timestamp": 1 }],
            "event": { "request": { "method": "GET", "url": "http://a/", "headers": {
                "cf-connecting-ip": "10.0.0.1", "X-Kind": "blue",
                "authorization": "Bearer x", "cookie": "a=b", "x-api-key": "k",
            } }, "response": { "status": 500 } },
        })
    }

    fn takes(filters: Value) -> bool {
        let filter = Filter::parse(&json!({ "filters": filters }), "10.0.0.1").expect("valid");
        filter.takes(&event(), 0.5)
    }

    #[test]
    fn all_filters_must_agree() {
        for filters in [
            json!([]),
            json!([{ "sampling_rate": 0.6 }]),
            json!([{ "outcome": ["ok", "exception"] }]),
            json!([{ "method": ["get"] }]),
            json!([{ "header": { "key": "x-kind" } }]),
            json!([{ "header": { "key": "x-kind", "query": "lu" } }]),
            json!([{ "client_ip": ["self"] }]),
            json!([{ "query": "ell" }]),
            json!([{ "query": "7" }]),
            json!([{ "scriptVersion": "v1" }, { "method": ["GET", "POST"] }]),
        ] {
            assert!(takes(filters.clone()), "{filters}");
        }
        for filters in [
            json!([{ "sampling_rate": 0.4 }]),
            json!([{ "outcome": ["ok"] }]),
            json!([{ "method": ["POST"] }]),
            json!([{ "header": { "key": "x-other" } }]),
            json!([{ "header": { "key": "x-kind", "query": "red" } }]),
            json!([{ "client_ip": ["10.0.0.2"] }]),
            json!([{ "query": "absent" }]),
            json!([{ "outcome": ["exception"] }, { "scriptVersion": "v2" }]),
        ] {
            assert!(!takes(filters.clone()), "{filters}");
        }
    }

    #[test]
    fn events_that_are_no_requests_have_no_method() {
        let filter = Filter::parse(&json!([{ "method": ["GET"] }]), "").expect("valid");
        assert!(!filter.takes(&json!({ "outcome": "ok", "event": { "cron": "* * * * *" } }), 0.0));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filters in [
            json!("x"),
            json!([{ "sampling_rate": 2 }]),
            json!([{ "nonsense": 1 }]),
            json!([{ "outcome": "ok" }]),
        ] {
            Filter::parse(&json!({ "filters": filters }), "").expect_err(&filters.to_string());
        }
    }

    #[test]
    fn secrets_in_headers_are_not_shown() {
        let mut event = event();
        redact(&mut event);
        let headers = &event["event"]["request"]["headers"];
        for name in ["authorization", "cookie", "x-api-key"] {
            assert_eq!(headers[name], REDACTED, "{name}");
        }
        assert_eq!(headers["X-Kind"], "blue");
    }
}
