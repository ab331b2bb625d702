//! Which hosts are whose: zones, routes, custom domains; and the ids of KV
//! namespaces.
//!
//! A zone is a name and all names below it. It is one account's, and zones of
//! different accounts never lie within each other: whoever has a zone has all of
//! its hosts, wildcards included. Routes and domains lie within zones of their
//! account, so no account can take another's host.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::ids::{AccountId, WorkerKey};

/// A name and all names below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// 32 hexadecimal digits, made of account and name.
    pub id: String,
    /// The account that has it.
    pub account: AccountId,
    /// Such as `example.com`.
    pub name: String,
    /// Since when; `None`: it is free, and the account's with its first route.
    pub created_on: Option<UnixMillis>,
}

/// Who may have zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ZonePolicy {
    /// An account has a zone with its first route or domain there, if no other
    /// one has it, a part of it, or what it is a part of.
    #[default]
    FirstCome,
    /// Only the operator gives zones to accounts.
    Assigned,
}

/// A route: requests whose URL matches go to the Worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// 32 hexadecimal digits.
    pub id: String,
    /// `host/path`; the host may begin with `*.` or `*`, the path may end with
    /// `*`. Without a scheme it matches both.
    pub pattern: String,
    /// The zone's id.
    pub zone: String,
    /// The Worker's name.
    pub script: String,
}

/// A route to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoute {
    /// As [`Route::pattern`].
    pub pattern: String,
    /// The zone by its name, if the client says it.
    pub zone_name: Option<String>,
    /// The zone by its id, if the client says it.
    pub zone_id: Option<String>,
}

/// A custom domain: all requests to the host go to the Worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// 32 hexadecimal digits.
    pub id: String,
    /// The host.
    pub hostname: String,
    /// The zone's id.
    pub zone: String,
    /// The Worker.
    pub worker: WorkerKey,
    /// Whether it serves.
    pub enabled: bool,
    /// Whether preview hosts exist below it.
    pub previews_enabled: bool,
}

/// A custom domain to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDomain {
    /// The host.
    pub hostname: String,
    /// The zone by its name, if the client says it.
    pub zone_name: Option<String>,
    /// The zone by its id, if the client says it.
    pub zone_id: Option<String>,
    /// Whether it serves.
    pub enabled: bool,
    /// Whether preview hosts exist below it.
    pub previews_enabled: bool,
}

/// A KV namespace of an account. Its data is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvNamespaceInfo {
    /// 32 hexadecimal digits, unique on the server.
    pub id: String,
    /// What people call it; unique in the account.
    pub title: String,
    /// Whose it is.
    pub account: AccountId,
}
