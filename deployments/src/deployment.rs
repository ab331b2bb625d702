//! Deployments: which versions of a Worker get which share of its requests.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::ids::{DeploymentId, VersionId};

/// Hundredths of a percent, 0 to 10,000: exact, so that shares can be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percentage(u16);

impl Percentage {
    /// All requests.
    pub const FULL: Self = Self(10_000);

    /// A percentage with at most two decimals, 0 to 100; `None` for others.
    pub fn of(percent: f64) -> Option<Self> {
        let hundredths = percent * 100.0;
        let rounded = hundredths.round();
        // Numbers such as 33.33 have no exact form.
        if !(0.0..=10_000.0).contains(&rounded) || (hundredths - rounded).abs() > 1e-6 {
            return None;
        }
        Some(Self(rounded as u16))
    }

    /// In hundredths of a percent: 0 to 10,000.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// As people write it.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Percentage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.percent().fmt(f)
    }
}

impl Serialize for Percentage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 100 {
            0 => serializer.serialize_u16(self.0 / 100),
            _ => serializer.serialize_f64(self.percent()),
        }
    }
}

impl<'de> Deserialize<'de> for Percentage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        let refused = || serde::de::Error::custom("not a percentage with at most two decimals");
        Self::of(percent).ok_or_else(refused)
    }
}

/// The share of requests that a version gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which one.
    #[serde(rename = "version_id")]
    pub version: VersionId,
    /// How many.
    pub percentage: Percentage,
}

/// A deployment. The newest one of a Worker is what serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// What it is called.
    pub id: DeploymentId,
    /// When it was made.
    pub created_on: UnixMillis,
    /// What made it, such as `wrangler`.
    pub source: String,
    /// Whose token made it.
    pub author: String,
    /// `workers/message`, `workers/triggered_by` and others.
    pub annotations: BTreeMap<String, String>,
    /// Their sum is 100 %.
    pub shares: Vec<Share>,
}

/// A deployment to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// What makes it, such as `wrangler`.
    pub source: String,
    /// `workers/message` and others.
    pub annotations: BTreeMap<String, String>,
    /// All versions are the Worker's, each stands once, and their sum is 100 %.
    pub shares: Vec<Share>,
}
