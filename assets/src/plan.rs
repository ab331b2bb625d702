//! Who answers a request, and with what: the rules of a Worker's assets put
//! together. Nothing is opened here.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use selvedge_runtime::HeaderBlob;

use crate::cache::Cache;
use crate::config::NotFoundHandling;
use crate::rules::html::{Found, Lookup};
use crate::rules::path::{self, Target};
use crate::rules::redirects::Leads;
use crate::rules::worker_first::First;
use crate::settings::Settings;
use crate::source::AssetSource;

/// The assets of one version of a Worker, and how they are served.
#[derive(Debug)]
pub struct Assets {
    pub(crate) source: Arc<dyn AssetSource>,
    pub(crate) settings: Settings,
    pub(crate) cache: Arc<Cache>,
}

/// A request, as far as assets look at it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// In upper case.
    pub method: &'a str,
    /// Absolute, of HTTP.
    pub url: &'a str,
    /// Names in lower case.
    pub headers: HeaderBlob<'a>,
}

/// Who asks for an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// A client of the Worker, who gets an asset or what the Worker says.
    Client,
    /// The Worker itself, with `env.ASSETS.fetch`, or somebody who knows that no
    /// Worker shall be asked.
    Binding,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan<'a> {
    /// The Worker answers it.
    Worker,
    /// An asset.
    Asset {
        /// Where it is.
        path: Cow<'a, str>,
        /// 200 or 404.
        status: u16,
    },
    /// A redirect.
    Redirect {
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The value of `Location`.
        location: String,
    },
    /// 405: there is an asset, and the method is not `GET` or `HEAD`.
    MethodNotAllowed,
    /// 404 without a body.
    NotFound,
}

impl Assets {
    /// Assets that are served by these settings. The cache is that of the process.
    pub fn new(source: Arc<dyn AssetSource>, settings: Settings, cache: Arc<Cache>) -> Self {
        Self { source, settings, cache }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.source.count()
    }

    /// What becomes of a request to this place.
    pub(crate) fn plan<'t>(
        &self,
        request: &Request<'_>,
        target: &'t Target<'_>,
        asks: Asks,
    ) -> Plan<'t> {
        let settings = &self.settings;
        let first = match asks {
            Asks::Client => settings.worker_first.decide(&target.path),
            Asks::Binding => First::Assets,
        };
        if first == First::Worker {
            return Plan::Worker;
        }
        // A Worker is asked before anything stands in the place of an asset.
        let asks_worker = first == First::Undecided && settings.worker.exists;
        let is_navigation = || {
            settings.worker.navigation_prefers_assets
                && request.headers.get("sec-fetch-mode") == Some(b"navigate")
        };
        let not_found = match asks_worker && !settings.worker_first.has_paths() && !is_navigation()
        {
            true => NotFoundHandling::None,
            false => settings.not_found_handling,
        };
        let plan = self.without_worker(request.method, target, not_found);
        plan.unwrap_or(if asks_worker { Plan::Worker } else { Plan::NotFound })
    }

    /// What the assets alone answer; `None`: there is nothing.
    fn without_worker<'t>(
        &self,
        method: &str,
        target: &'t Target<'_>,
        not_found: NotFoundHandling,
    ) -> Option<Plan<'t>> {
        let rewritten = match self.settings.redirects.of(target) {
            Some(Leads::Away { status, location }) => {
                return Some(Plan::Redirect { status, location });
            }
            Some(Leads::Inside(path)) => Some(path),
            None => None,
        };
        let (source, html) = (&*self.source, self.settings.html_handling);
        let lookup = Lookup { source, html, not_found };
        let Some(path) = rewritten else {
            return found(lookup, method, &target.path, target.search);
        };
        // Where a rule leads, no Worker is asked.
        let lookup = Lookup { not_found: self.settings.not_found_handling, ..lookup };
        let plan = found(lookup, method, &path, target.search);
        Some(match plan {
            Some(Plan::Asset { path, status }) => {
                Plan::Asset { path: path.into_owned().into(), status }
            }
            Some(Plan::Redirect { status, location }) => Plan::Redirect { status, location },
            Some(Plan::MethodNotAllowed) => Plan::MethodNotAllowed,
            Some(Plan::NotFound | Plan::Worker) | None => Plan::NotFound,
        })
    }
}

/// What a path, as its URL has it, stands for.
fn found<'p>(lookup: Lookup<'_>, method: &str, path: &'p str, search: &str) -> Option<Plan<'p>> {
    let decoded = path::decode(path);
    let found = match &decoded {
        Cow::Borrowed(decoded) => lookup.find(decoded)?,
        Cow::Owned(decoded) => owned(lookup.find(decoded)?),
    };
    if !matches!(method, "GET" | "HEAD") {
        return Some(Plan::MethodNotAllowed);
    }
    // There is one way to write each path; the others redirect to it.
    let to = match &found {
        Found::Redirect(path) => path,
        _ => &*decoded,
    };
    let to = path::encode(to);
    if matches!(found, Found::Redirect(_)) || to != path {
        return Some(Plan::Redirect { status: 307, location: format!("{to}{search}") });
    }
    match found {
        Found::Asset(path) => Some(Plan::Asset { path, status: 200 }),
        Found::InPlace { path, status } => Some(Plan::Asset { path: path.into(), status }),
        Found::Redirect(_) => None,
    }
}

fn owned(found: Found<'_>) -> Found<'static> {
    match found {
        Found::Asset(path) => Found::Asset(path.into_owned().into()),
        Found::InPlace { path, status } => Found::InPlace { path, status },
        Found::Redirect(path) => Found::Redirect(path),
    }
}
