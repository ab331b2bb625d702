//! The calls, one file per noun.

pub(crate) mod accounts;
pub(crate) mod analytics;
pub(crate) mod assets;
pub(crate) mod cache;
pub(crate) mod d1;
pub(crate) mod deployments;
pub(crate) mod domains;
pub(crate) mod kv;
pub(crate) mod objects;
pub(crate) mod own;
pub(crate) mod pages;
pub mod queues;
pub(crate) mod r2;
pub(crate) mod routes;
pub(crate) mod schedules;
pub(crate) mod scripts;
pub(crate) mod secrets;
pub(crate) mod services;
pub(crate) mod settings;
pub(crate) mod subdomain;
pub(crate) mod tails;
pub(crate) mod tokens;
pub(crate) mod user;
pub(crate) mod versions;
pub(crate) mod workflows;
pub(crate) mod zones;
