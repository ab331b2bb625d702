//! The routing table: from a request's host and path to a Worker. It is a value:
//! made when something changes, read without a lock, never changed.
//!
//! The rules are Cloudflare's
//! (<https://developers.cloudflare.com/workers/configuration/routing/>):
//! - Routes go before custom domains. Of those that match, the one with the
//!   longest host wins, then the one with the longest path; an exact host goes
//!   before a wildcard, an exact path before an open one.
//! - `NAME.SUBDOMAIN.DOMAIN` and previews are names of the server. No route and
//!   no custom domain acts below `DOMAIN`, or a tenant could take them all.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use selvedge_deployments::names::{HostPattern, Pattern, host as host_name, is_within};

/// What a Worker is reached by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) name: String,
    /// The label of its account, if that has one.
    pub(crate) subdomain: Option<String>,
    pub(crate) workers_dev: bool,
    pub(crate) previews: bool,
    pub(crate) routes: Vec<String>,
    pub(crate) domains: Vec<String>,
}

/// A request, as far as it decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// Lower case, without a port.
    pub(crate) host: &'a str,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) is_secure: bool,
}

/// Whom a request is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a, T> {
    Worker {
        worker: &'a Arc<T>,
        /// Whether all requests to this host are for the Worker.
        whole_host: bool,
    },
    /// A version of the Worker, by the first 8 digits of its id.
    Preview { worker: &'a Arc<T>, version: &'a str },
}

/// The table; `T` is what it leads to.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// Differs from that of every other table of the process.
    pub(crate) generation: u64,
    /// Names of the server's own lie below it.
    domain: Option<Box<str>>,
    /// Routes and custom domains, by the host that they name.
    hosts: HashMap<Box<str>, Host<T>>,
    /// `NAME` or `NAME.SUBDOMAIN`.
    names: HashMap<Box<str>, Named<T>>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            generation: self.generation,
            domain: self.domain.clone(),
            hosts: self.hosts.clone(),
            names: self.names.clone(),
        }
    }
}

#[derive(Debug)]
struct Host<T> {
    /// The best one first.
    exact: Vec<Rule<T>>,
    /// Those of all hosts below, and maybe of this one; the best one first.
    wild: Vec<Rule<T>>,
    domain: Option<Arc<T>>,
}

impl<T> Default for Host<T> {
    fn default() -> Self {
        Self { exact: Vec::new(), wild: Vec::new(), domain: None }
    }
}

impl<T> Clone for Host<T> {
    fn clone(&self) -> Self {
        Self { exact: self.exact.clone(), wild: self.wild.clone(), domain: self.domain.clone() }
    }
}

#[derive(Debug)]
struct Rule<T> {
    is_secure: Option<bool>,
    /// Whether the host that it stands at matches too, where hosts below do.
    has_apex: bool,
    path: Box<str>,
    open_end: bool,
    worker: Arc<T>,
}

impl<T> Clone for Rule<T> {
    fn clone(&self) -> Self {
        Self { path: self.path.clone(), worker: self.worker.clone(), ..*self }
    }
}

#[derive(Debug)]
struct Named<T> {
    worker: Arc<T>,
    answers: bool,
    previews: bool,
}

impl<T> Clone for Named<T> {
    fn clone(&self) -> Self {
        Self { worker: self.worker.clone(), ..*self }
    }
}

impl<T> Rule<T> {
    fn matches(&self, ask: &Ask<'_>) -> bool {
        self.is_secure.is_none_or(|is_secure| is_secure == ask.is_secure)
            && match self.open_end {
                true => ask.target.starts_with(&*self.path),
                false => ask.target == &*self.path,
            }
    }

    fn takes_all(&self) -> bool {
        self.is_secure.is_none() && self.open_end && &*self.path == "/"
    }

    /// Rules are tried by this, from the greatest on.
    fn rank(&self) -> (usize, bool, bool, bool) {
        (self.path.len(), !self.open_end, self.is_secure.is_some(), !self.has_apex)
    }
}

impl<T> Table<T> {
    /// No Worker yet. The domain is in the form of [`host_name`].
    pub(crate) fn new(generation: u64, domain: Option<&str>) -> Self {
        Self {
            generation,
            domain: domain.map(Into::into),
            hosts: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// Adds a Worker. What another one has already stays that one's; gives what
    /// does not act, and why.
    pub(crate) fn add(&mut self, names: &Names, worker: &Arc<T>) -> Vec<String> {
        let mut idle = Vec::new();
        let (answers, previews) = (names.workers_dev, names.previews);
        if answers || previews {
            let named = || Named { worker: worker.clone(), answers, previews };
            self.names.entry(label(names)).or_insert_with(named);
        }
        for text in &names.routes {
            match Pattern::parse(text) {
                Ok(pattern) if self.is_own(pattern.host.name()) => {
                    idle.push(format!("the route {text} lies within the server's own domain"));
                }
                Ok(pattern) => self.add_route(pattern, worker),
                Err(why) => idle.push(why),
            }
        }
        for text in &names.domains {
            let Some(host) = host_name(text) else {
                idle.push(format!("the domain {text} is not a host name"));
                continue;
            };
            if self.is_own(&host) {
                idle.push(format!("the domain {text} lies within the server's own domain"));
                continue;
            }
            let entry = self.hosts.entry(host.into()).or_default();
            entry.domain.get_or_insert_with(|| worker.clone());
        }
        idle
    }

    /// Takes a Worker out, which was added with these names.
    pub(crate) fn remove(&mut self, names: &Names, worker: &Arc<T>) {
        let is_other = |other: &Arc<T>| !Arc::ptr_eq(other, worker);
        if self.names.get(&label(names)).is_some_and(|named| !is_other(&named.worker)) {
            self.names.remove(&label(names));
        }
        let of_routes = names.routes.iter().filter_map(|text| Pattern::parse(text).ok());
        let of_routes = of_routes.map(|pattern| pattern.host.name().to_owned());
        let of_domains = names.domains.iter().filter_map(|text| host_name(text));
        for host in of_routes.chain(of_domains) {
            let Some(entry) = self.hosts.get_mut(&*host) else { continue };
            entry.exact.retain(|rule| is_other(&rule.worker));
            entry.wild.retain(|rule| is_other(&rule.worker));
            entry.domain.take_if(|other| !is_other(other));
            if entry.exact.is_empty() && entry.wild.is_empty() && entry.domain.is_none() {
                self.hosts.remove(&*host);
            }
        }
    }

    fn is_own(&self, host: &str) -> bool {
        self.domain.as_deref().is_some_and(|domain| is_within(host, domain))
    }

    fn add_route(&mut self, pattern: Pattern, worker: &Arc<T>) {
        let rule = Rule {
            is_secure: pattern.scheme.map(|scheme| scheme == "https"),
            has_apex: matches!(pattern.host, HostPattern::With(_)),
            path: pattern.path.into(),
            open_end: pattern.open_end,
            worker: worker.clone(),
        };
        let entry = self.hosts.entry(pattern.host.name().into()).or_default();
        let rules = match pattern.host {
            HostPattern::Exact(_) => &mut entry.exact,
            HostPattern::Below(_) | HostPattern::With(_) => &mut entry.wild,
        };
        // Behind those of the same rank: who was first stays first.
        let at = rules.partition_point(|other| other.rank() >= rule.rank());
        rules.insert(at, rule);
    }

    /// Whom a request is for.
    pub(crate) fn find<'a>(&'a self, ask: &Ask<'a>) -> Option<Found<'a, T>> {
        if self.is_own(ask.host) {
            return self.find_own(ask.host);
        }
        let exact = self.hosts.get(ask.host);
        if let Some(rule) = exact.and_then(|host| host.exact.iter().find(|it| it.matches(ask))) {
            let is_only = exact.is_some_and(|host| host.exact.len() == 1);
            return Some(Found::Worker {
                worker: &rule.worker,
                whole_host: rule.takes_all() && is_only,
            });
        }
        let mut whole_host = exact.is_none_or(|host| host.exact.is_empty());
        let mut at = Some(ask.host);
        while let Some(name) = at {
            let is_apex = name.len() == ask.host.len();
            let wild = self.hosts.get(name).map_or(&[][..], |host| &host.wild);
            let rule = wild.iter().find(|it| (it.has_apex || !is_apex) && it.matches(ask));
            if let Some(rule) = rule {
                whole_host &= wild.len() == 1 && rule.takes_all();
                return Some(Found::Worker { worker: &rule.worker, whole_host });
            }
            whole_host &= wild.is_empty();
            at = name.split_once('.').map(|(_, rest)| rest);
        }
        let worker = exact?.domain.as_ref()?;
        Some(Found::Worker { worker, whole_host })
    }

    fn find_own<'a>(&'a self, host: &'a str) -> Option<Found<'a, T>> {
        let domain = self.domain.as_deref()?;
        let label = host.strip_suffix(domain)?.strip_suffix('.')?;
        if let Some(named) = self.names.get(label)
            && named.answers
        {
            return Some(Found::Worker { worker: &named.worker, whole_host: true });
        }
        let (version, name) = label.split_once('-')?;
        let is_hex = version.len() == 8
            && version.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let named = self.names.get(name).filter(|named| named.previews && is_hex)?;
        Some(Found::Preview { worker: &named.worker, version })
    }
}

fn label(names: &Names) -> Box<str> {
    match &names.subdomain {
        Some(subdomain) => format!("{}.{subdomain}", names.name).into(),
        None => names.name.clone().into(),
    }
}

/// The host of an authority: lower case, without port and final dot.
pub(crate) fn normal_host(authority: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    let text = std::str::from_utf8(authority).ok()?;
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let host = text.get(..end)?;
    let host = host.strip_suffix('.').unwrap_or(host);
    Some(match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => host.to_ascii_lowercase().into(),
        false => host.into(),
    })
}
