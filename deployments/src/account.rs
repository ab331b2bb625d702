//! Accounts: whose everything is.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::ids::AccountId;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What it is called in URLs.
    pub id: AccountId,
    /// What people call it; not unique.
    pub name: String,
    /// The label between its Workers' names and the server's domain:
    /// `NAME.SUBDOMAIN.DOMAIN`. One account may have none, so that its Workers
    /// are `NAME.DOMAIN`.
    pub subdomain: Option<String>,
    /// When it was made.
    pub created_on: UnixMillis,
    /// What it may use, where that is not what the server allows everybody.
    pub limits: Option<AccountLimits>,
}

/// What an account may use. What is `None` is as the server says for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountLimits {
    /// Workers that it may have.
    pub workers: Option<u32>,
    /// Requests per second to all of its Workers.
    pub requests_per_second: Option<u32>,
    /// Requests under way at once, in all of its Workers.
    pub concurrent_requests: Option<u32>,
    /// Requests of a day (UTC) to all of its Workers.
    pub requests_per_day: Option<u64>,
    /// CPU time of one request, in milliseconds.
    pub cpu_ms: Option<u32>,
    /// Memory of one isolate, in bytes.
    pub memory_bytes: Option<u64>,
    /// Subrequests of one request.
    pub subrequests: Option<u32>,
    /// One script with all of its modules, in bytes.
    pub script_bytes: Option<u64>,
    /// Blobs (scripts and assets) of all versions, in bytes.
    pub storage_bytes: Option<u64>,
}

/// An account to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// What people call it: 1 to 100 characters.
    pub name: String,
    /// Its label; `None` gives it none if that is free, and one made of its name
    /// otherwise.
    pub subdomain: Option<String>,
    /// What it may use.
    pub limits: Option<AccountLimits>,
}

/// What is to be changed in an account; `None` leaves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Another name.
    pub name: Option<String>,
    /// Another label, or none.
    pub subdomain: Option<Option<String>>,
    /// Other limits, or those of everybody.
    pub limits: Option<Option<AccountLimits>>,
}
