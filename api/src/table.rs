//! The table of all calls, and what each needs.

use std::pin::Pin;

use selvedge_deployments::Scope;

use crate::call::Cx;
use crate::calls::{
    accounts, analytics, assets, cache, d1, deployments, dispatch, domains, hyperdrive, kv,
    objects, own, queues, r2, routes, schedules, scripts, secrets, secrets_store, services,
    settings, subdomain, tails, tokens, user, versions, workflows, zones,
};
use crate::reply::Answer;

/// What a call needs before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing, or something else than a token.
    Nothing,
    /// Any token; the call itself looks at what it is for.
    Token,
    /// A token with this scope for the account of the path.
    Account(Scope),
    /// A token with one of these scopes for the account of the path.
    Either(Scope, Scope),
    /// The operator's token.
    Operator,
}

type Handler = fn(Cx) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A call.
pub(crate) struct Call {
    pub(crate) method: &'static str,
    /// Segments; those that begin with `:` match any, and `*` matches all that follow.
    pub(crate) pattern: &'static str,
    pub(crate) need: Need,
    pub(crate) handler: Handler,
}

macro_rules! table {
    ($($method:ident $pattern:literal $need:expr => $handler:path;)*) => {
        &[$(Call {
            method: stringify!($method),
            pattern: $pattern,
            need: $need,
            handler: |cx| Box::pin($handler(cx)),
        }),*]
    };
}

const READ: Need = Need::Account(Scope::Read);
const DEPLOY: Need = Need::Account(Scope::Deploy);
const STORAGE: Need = Need::Account(Scope::Storage);
/// Whoever deploys makes the namespaces that a project lacks.
const STORAGE_OR_DEPLOY: Need = Need::Either(Scope::Storage, Scope::Deploy);
const STORAGE_OR_READ: Need = Need::Either(Scope::Storage, Scope::Read);
const ADMIN: Need = Need::Account(Scope::Admin);
const ACCOUNT: Need = Need::Account(Scope::Account);

const CALLS: &[Call] = table! {
    GET "/healthz" Need::Nothing => own::health;
    GET "/readyz" Need::Nothing => own::ready;
    GET "/metrics" Need::Nothing => own::metrics;

    GET "/client/v4/user" Need::Token => user::user;
    GET "/client/v4/user/tokens/verify" Need::Token => user::verify;
    GET "/client/v4/user/tokens" Need::Operator => tokens::list_all;
    POST "/client/v4/user/tokens" Need::Operator => tokens::create_operator;
    GET "/client/v4/user/tokens/:token" Need::Token => user::token;
    DELETE "/client/v4/user/tokens/:token" Need::Operator => tokens::revoke_any;
    GET "/client/v4/memberships" Need::Token => user::memberships;
    GET "/client/v4/accounts" Need::Token => accounts::list;
    POST "/client/v4/accounts" Need::Operator => accounts::create;
    GET "/client/v4/accounts/:account" ACCOUNT => accounts::get;
    PATCH "/client/v4/accounts/:account" Need::Operator => accounts::update;
    DELETE "/client/v4/accounts/:account" Need::Operator => accounts::delete;
    GET "/client/v4/accounts/:account/tokens/verify" ACCOUNT => user::verify;
    GET "/client/v4/accounts/:account/tokens" ADMIN => tokens::list;
    POST "/client/v4/accounts/:account/tokens" ADMIN => tokens::create;
    DELETE "/client/v4/accounts/:account/tokens/:token" ADMIN => tokens::revoke;

    GET "/client/v4/accounts/:account/workers/services/:script" READ => services::get;
    DELETE "/client/v4/accounts/:account/workers/services/:script" DEPLOY => services::delete;
    GET "/client/v4/accounts/:account/workers/services/:script/environments/:environment" READ => services::environment;
    GET "/client/v4/accounts/:account/workers/services/:script/environments/:environment/bindings" READ => services::bindings;
    GET "/client/v4/accounts/:account/workers/services/:script/environments/:environment/routes" READ => routes::list;
    GET "/client/v4/accounts/:account/workers/services/:script/environments/:environment/subdomain" READ => subdomain::script;
    GET "/client/v4/accounts/:account/workers/services/:script/environments/:environment/content/v2" READ => services::content;

    GET "/client/v4/accounts/:account/workers/scripts" READ => scripts::list;
    GET "/client/v4/accounts/:account/workers/scripts/:script" READ => scripts::content;
    PUT "/client/v4/accounts/:account/workers/scripts/:script" DEPLOY => scripts::put;
    DELETE "/client/v4/accounts/:account/workers/scripts/:script" DEPLOY => services::delete;
    GET "/client/v4/accounts/:account/workers/scripts/:script/settings" READ => settings::get;
    PATCH "/client/v4/accounts/:account/workers/scripts/:script/settings" DEPLOY => settings::patch;
    GET "/client/v4/accounts/:account/workers/scripts/:script/script-settings" READ => settings::get_script;
    PATCH "/client/v4/accounts/:account/workers/scripts/:script/script-settings" DEPLOY => settings::patch_script;
    GET "/client/v4/accounts/:account/workers/scripts/:script/references" READ => services::references;
    GET "/client/v4/accounts/:account/workers/tails/by-consumer/:script" READ => services::tail_producers;

    GET "/client/v4/accounts/:account/workers/dispatch/namespaces" READ => dispatch::list;
    POST "/client/v4/accounts/:account/workers/dispatch/namespaces" DEPLOY => dispatch::create;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch" READ => dispatch::get;
    PUT "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch" DEPLOY => dispatch::rename;
    PATCH "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch" DEPLOY => dispatch::rename;
    DELETE "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch" DEPLOY => dispatch::delete;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts" READ => dispatch::scripts;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script" READ => dispatch::script;
    PUT "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script" DEPLOY => dispatch::put;
    DELETE "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script" DEPLOY => services::delete;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/content" READ => scripts::content;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/settings" READ => settings::get;
    PATCH "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/settings" DEPLOY => settings::patch;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/bindings" READ => services::bindings;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/secrets" READ => secrets::list;
    PUT "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/secrets" DEPLOY => secrets::put;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/secrets/:secret" READ => secrets::get;
    DELETE "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/secrets/:secret" DEPLOY => secrets::delete;
    GET "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/tags" READ => dispatch::tags;
    PUT "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/tags" DEPLOY => dispatch::set_tags;
    PUT "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/tags/:tag" DEPLOY => dispatch::add_tag;
    DELETE "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/tags/:tag" DEPLOY => dispatch::remove_tag;
    POST "/client/v4/accounts/:account/workers/dispatch/namespaces/:dispatch/scripts/:script/assets-upload-session" DEPLOY => assets::begin;

    GET "/client/v4/accounts/:account/workers/scripts/:script/versions" READ => versions::list;
    POST "/client/v4/accounts/:account/workers/scripts/:script/versions" DEPLOY => versions::upload;
    GET "/client/v4/accounts/:account/workers/scripts/:script/versions/:version" READ => versions::get;
    PATCH "/client/v4/accounts/:account/workers/workers/:script/versions/latest" DEPLOY => secrets::patch_latest;
    GET "/client/v4/accounts/:account/workers/scripts/:script/deployments" READ => deployments::list;
    POST "/client/v4/accounts/:account/workers/scripts/:script/deployments" DEPLOY => deployments::create;
    GET "/client/v4/accounts/:account/workers/scripts/:script/deployments/:deployment" READ => deployments::get;

    GET "/client/v4/accounts/:account/workers/scripts/:script/secrets" READ => secrets::list;
    PUT "/client/v4/accounts/:account/workers/scripts/:script/secrets" DEPLOY => secrets::put;
    GET "/client/v4/accounts/:account/workers/scripts/:script/secrets/:secret" READ => secrets::get;
    DELETE "/client/v4/accounts/:account/workers/scripts/:script/secrets/:secret" DEPLOY => secrets::delete;
    PATCH "/client/v4/accounts/:account/workers/scripts/:script/secrets-bulk" DEPLOY => secrets::bulk;

    GET "/client/v4/accounts/:account/workers/subdomain" READ => subdomain::get;
    PUT "/client/v4/accounts/:account/workers/subdomain" DEPLOY => subdomain::put;
    GET "/client/v4/accounts/:account/workers/subdomains/:name" READ => subdomain::check;
    GET "/client/v4/accounts/:account/workers/scripts/:script/subdomain" READ => subdomain::script;
    POST "/client/v4/accounts/:account/workers/scripts/:script/subdomain" DEPLOY => subdomain::set_script;

    GET "/client/v4/zones" Need::Token => zones::list;
    GET "/client/v4/zones/:zone" Need::Token => zones::get;
    GET "/client/v4/zones/:zone/workers/routes" Need::Token => zones::routes;
    POST "/client/v4/zones/:zone/workers/routes" Need::Token => zones::add_route;
    PUT "/client/v4/zones/:zone/workers/routes/:route" Need::Token => zones::replace_route;
    DELETE "/client/v4/zones/:zone/workers/routes/:route" Need::Token => zones::delete_route;
    POST "/client/v4/zones/:zone/purge_cache" Need::Token => cache::purge_zone;
    POST "/client/v4/accounts/:account/cache/purge" STORAGE_OR_DEPLOY => cache::purge_account;
    GET "/client/v4/accounts/:account/workers/scripts/:script/routes" READ => routes::list;
    PUT "/client/v4/accounts/:account/workers/scripts/:script/routes" DEPLOY => routes::put;
    POST "/client/v4/accounts/:account/workers/scripts/:script/domains/changeset" DEPLOY => domains::changeset;
    PUT "/client/v4/accounts/:account/workers/scripts/:script/domains/records" DEPLOY => domains::put;
    GET "/client/v4/accounts/:account/workers/domains" READ => domains::list;
    GET "/client/v4/accounts/:account/workers/domains/records" READ => domains::list;
    GET "/client/v4/accounts/:account/workers/domains/records/:domain" READ => domains::get;
    DELETE "/client/v4/accounts/:account/workers/domains/records/:domain" DEPLOY => domains::delete;
    GET "/client/v4/accounts/:account/workers/scripts/:script/schedules" READ => schedules::get;
    PUT "/client/v4/accounts/:account/workers/scripts/:script/schedules" DEPLOY => schedules::put;

    GET "/client/v4/accounts/:account/workers/scripts/:script/tails" READ => tails::list;
    POST "/client/v4/accounts/:account/workers/scripts/:script/tails" READ => tails::create;
    DELETE "/client/v4/accounts/:account/workers/scripts/:script/tails/:tail" READ => tails::delete;
    GET "/client/v4/tails/:secret" Need::Nothing => tails::connect;

    POST "/client/v4/accounts/:account/workers/scripts/:script/assets-upload-session" DEPLOY => assets::begin;
    POST "/client/v4/accounts/:account/workers/assets/upload" Need::Nothing => assets::upload;
    POST "/client/v4/accounts/:account/workers/assets/upload/:hash" Need::Nothing => assets::upload_one;

    GET "/client/v4/accounts/:account/storage/kv/namespaces" STORAGE_OR_READ => kv::namespaces;
    POST "/client/v4/accounts/:account/storage/kv/namespaces" STORAGE_OR_DEPLOY => kv::create;
    GET "/client/v4/accounts/:account/storage/kv/namespaces/:namespace" STORAGE_OR_READ => kv::get;
    PUT "/client/v4/accounts/:account/storage/kv/namespaces/:namespace" STORAGE_OR_DEPLOY => kv::rename;
    DELETE "/client/v4/accounts/:account/storage/kv/namespaces/:namespace" STORAGE => kv::delete;
    GET "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/keys" STORAGE => kv::keys;
    GET "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/values/:key" STORAGE => kv::value;
    PUT "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/values/:key" STORAGE => kv::put_value;
    DELETE "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/values/:key" STORAGE => kv::delete_value;
    GET "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/metadata/:key" STORAGE => kv::metadata;
    PUT "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/bulk" STORAGE => kv::bulk_put;
    DELETE "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/bulk" STORAGE => kv::bulk_delete;
    POST "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/bulk/delete" STORAGE => kv::bulk_delete;
    POST "/client/v4/accounts/:account/storage/kv/namespaces/:namespace/bulk/get" STORAGE => kv::bulk_get;

    GET "/client/v4/accounts/:account/queues" STORAGE_OR_READ => queues::list;
    POST "/client/v4/accounts/:account/queues" STORAGE_OR_DEPLOY => queues::create;
    GET "/client/v4/accounts/:account/queues/:queue" STORAGE_OR_READ => queues::get;
    PUT "/client/v4/accounts/:account/queues/:queue" STORAGE => queues::update;
    PATCH "/client/v4/accounts/:account/queues/:queue" STORAGE => queues::update;
    DELETE "/client/v4/accounts/:account/queues/:queue" STORAGE => queues::delete;
    POST "/client/v4/accounts/:account/queues/:queue/purge" STORAGE => queues::purge;
    GET "/client/v4/accounts/:account/queues/:queue/consumers" STORAGE_OR_READ => queues::list_of;
    POST "/client/v4/accounts/:account/queues/:queue/consumers" STORAGE_OR_DEPLOY => queues::add;
    GET "/client/v4/accounts/:account/queues/:queue/consumers/:consumer" STORAGE_OR_READ => queues::consumer;
    PUT "/client/v4/accounts/:account/queues/:queue/consumers/:consumer" STORAGE_OR_DEPLOY => queues::replace;
    DELETE "/client/v4/accounts/:account/queues/:queue/consumers/:consumer" STORAGE_OR_DEPLOY => queues::remove;
    POST "/client/v4/accounts/:account/queues/:queue/messages" STORAGE => queues::send;
    POST "/client/v4/accounts/:account/queues/:queue/messages/batch" STORAGE => queues::send_batch;
    POST "/client/v4/accounts/:account/queues/:queue/messages/pull" STORAGE => queues::pull;
    POST "/client/v4/accounts/:account/queues/:queue/messages/ack" STORAGE => queues::ack;

    GET "/client/v4/accounts/:account/d1/database" STORAGE_OR_READ => d1::list;
    POST "/client/v4/accounts/:account/d1/database" STORAGE_OR_DEPLOY => d1::create;
    GET "/client/v4/accounts/:account/d1/database/:database" STORAGE_OR_READ => d1::get;
    DELETE "/client/v4/accounts/:account/d1/database/:database" STORAGE => d1::delete;
    POST "/client/v4/accounts/:account/d1/database/:database/query" STORAGE => d1::query;
    POST "/client/v4/accounts/:account/d1/database/:database/raw" STORAGE => d1::raw;
    POST "/client/v4/accounts/:account/d1/database/:database/import" STORAGE => d1::import;
    POST "/client/v4/accounts/:account/d1/database/:database/export" STORAGE => d1::export;
    GET "/client/v4/accounts/:account/d1/database/:database/time_travel/bookmark" STORAGE => d1::bookmark;
    POST "/client/v4/accounts/:account/d1/database/:database/time_travel/restore" STORAGE => d1::restore;
    PUT "/client/v4/d1-transfers/:secret" Need::Nothing => d1::upload;
    GET "/client/v4/d1-transfers/:secret" Need::Nothing => d1::download;

    GET "/client/v4/accounts/:account/hyperdrive/configs" STORAGE_OR_READ => hyperdrive::list;
    POST "/client/v4/accounts/:account/hyperdrive/configs" STORAGE => hyperdrive::create;
    GET "/client/v4/accounts/:account/hyperdrive/configs/:config" STORAGE_OR_READ => hyperdrive::get;
    PATCH "/client/v4/accounts/:account/hyperdrive/configs/:config" STORAGE => hyperdrive::update;
    DELETE "/client/v4/accounts/:account/hyperdrive/configs/:config" STORAGE => hyperdrive::delete;

    GET "/client/v4/accounts/:account/secrets_store/stores" STORAGE_OR_READ => secrets_store::stores;
    POST "/client/v4/accounts/:account/secrets_store/stores" STORAGE => secrets_store::create_store;
    DELETE "/client/v4/accounts/:account/secrets_store/stores/:store" STORAGE => secrets_store::delete_store;
    GET "/client/v4/accounts/:account/secrets_store/stores/:store/secrets" STORAGE_OR_READ => secrets_store::list;
    POST "/client/v4/accounts/:account/secrets_store/stores/:store/secrets" STORAGE => secrets_store::create;
    GET "/client/v4/accounts/:account/secrets_store/stores/:store/secrets/:secret" STORAGE_OR_READ => secrets_store::get;
    PATCH "/client/v4/accounts/:account/secrets_store/stores/:store/secrets/:secret" STORAGE => secrets_store::update;
    DELETE "/client/v4/accounts/:account/secrets_store/stores/:store/secrets/:secret" STORAGE => secrets_store::delete;
    POST "/client/v4/accounts/:account/secrets_store/stores/:store/secrets/:secret/duplicate" STORAGE => secrets_store::duplicate;
    GET "/client/v4/accounts/:account/workflows" STORAGE_OR_READ => workflows::list;
    GET "/client/v4/accounts/:account/workflows/:workflow" STORAGE_OR_READ => workflows::get;
    PUT "/client/v4/accounts/:account/workflows/:workflow" DEPLOY => workflows::put;
    DELETE "/client/v4/accounts/:account/workflows/:workflow" STORAGE_OR_DEPLOY => workflows::delete;
    GET "/client/v4/accounts/:account/workflows/:workflow/versions" STORAGE_OR_READ => workflows::versions;
    GET "/client/v4/accounts/:account/workflows/:workflow/instances" STORAGE_OR_READ => workflows::instances;
    GET "/client/v4/accounts/:account/workflows/:workflow/instances/" STORAGE_OR_READ => workflows::instances;
    POST "/client/v4/accounts/:account/workflows/:workflow/instances" STORAGE => workflows::create;
    PUT "/client/v4/accounts/:account/workflows/:workflow/instances/terminate" STORAGE => workflows::terminate_all;
    POST "/client/v4/accounts/:account/workflows/:workflow/instances/batch/delete" STORAGE => workflows::batch_delete;
    GET "/client/v4/accounts/:account/workflows/:workflow/instances/:instance" STORAGE => workflows::describe;
    PATCH "/client/v4/accounts/:account/workflows/:workflow/instances/:instance/status" STORAGE => workflows::set_status;
    POST "/client/v4/accounts/:account/workflows/:workflow/instances/:instance/events/:event" STORAGE => workflows::send_event;

    GET "/client/v4/accounts/:account/analytics_engine/sql" READ => analytics::sql;
    POST "/client/v4/accounts/:account/analytics_engine/sql" READ => analytics::sql;
    GET "/client/v4/accounts/:account/r2/buckets" STORAGE_OR_READ => r2::buckets;
    POST "/client/v4/accounts/:account/r2/buckets" STORAGE_OR_DEPLOY => r2::create;
    GET "/client/v4/accounts/:account/r2/buckets/:bucket" STORAGE_OR_READ => r2::get;
    PATCH "/client/v4/accounts/:account/r2/buckets/:bucket" STORAGE => r2::update;
    DELETE "/client/v4/accounts/:account/r2/buckets/:bucket" STORAGE => r2::delete;
    GET "/client/v4/accounts/:account/r2/buckets/:bucket/objects" STORAGE => r2::objects;
    GET "/client/v4/accounts/:account/r2/buckets/:bucket/objects/*key" STORAGE => r2::object;
    PUT "/client/v4/accounts/:account/r2/buckets/:bucket/objects/*key" STORAGE => r2::put_object;
    DELETE "/client/v4/accounts/:account/r2/buckets/:bucket/objects/*key" STORAGE => r2::delete_object;
    GET "/client/v4/accounts/:account/workers/durable_objects/namespaces" READ => objects::namespaces;
    GET "/client/v4/accounts/:account/workers/durable_objects/namespaces/:namespace" READ => objects::namespace;
    GET "/client/v4/accounts/:account/workers/durable_objects/namespaces/:namespace/objects" STORAGE => objects::objects;

    GET "/api/v1/figures" Need::Token => own::figures;
    GET "/api/v1/accounts/:account/figures" READ => own::account_figures;
    GET "/api/v1/accounts/:account/logs" READ => own::logs;
    GET "/api/v1/accounts/:account/audit" ADMIN => own::account_audit;
    GET "/api/v1/audit" Need::Operator => own::audit;
    GET "/api/v1/zones" Need::Operator => own::zones;
    POST "/api/v1/zones" Need::Operator => own::assign_zone;
    DELETE "/api/v1/zones/:zone" Need::Operator => own::release_zone;
};

/// All calls, for those who want to see that each is guarded: method, pattern,
/// need.
pub fn calls() -> impl Iterator<Item = (&'static str, &'static str, Need)> {
    CALLS.iter().map(|call| (call.method, call.pattern, call.need))
}

/// What a request asks for.
pub(crate) enum Found {
    Call(&'static Call, Vec<(&'static str, String)>),
    /// The path is there, but not with this method.
    OtherMethod,
    Nothing,
}

/// The call of a path, in segments that were decoded.
pub(crate) fn find(method: &str, segments: &[String]) -> Found {
    let mut found = Found::Nothing;
    for call in CALLS {
        let Some(params) = matches(call.pattern, segments) else { continue };
        if call.method == method {
            return Found::Call(call, params);
        }
        found = Found::OtherMethod;
    }
    found
}

fn matches(pattern: &'static str, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut params = Vec::new();
    let mut rest = segments.iter();
    for part in pattern.split('/').skip(1) {
        if let Some(name) = part.strip_prefix('*') {
            // Keys of objects have slashes, which clients do not always encode.
            let all: Vec<&str> = rest.by_ref().map(String::as_str).collect();
            let all = all.join("/");
            return (!all.is_empty()).then(|| {
                params.push((name, all));
                params
            });
        }
        let segment = rest.next()?;
        match part.strip_prefix(':') {
            Some(_) if segment.is_empty() => return None,
            Some(name) => params.push((name, segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    rest.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<String> {
        path.split('/').skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn a_path_finds_its_call() {
        let path = "/client/v4/accounts/a/workers/scripts/api/versions/v1";
        let Found::Call(call, params) = find("GET", &segments(path)) else { panic!("not found") };
        assert!(call.pattern.ends_with("/versions/:version"));
        assert_eq!(params[2], ("version", "v1".to_owned()));
        assert!(matches!(find("DELETE", &segments(path)), Found::OtherMethod));
        for path in ["/", "/client/v4", "/client/v4/accounts//workers/scripts", "/client/v4/user/"]
        {
            assert!(matches!(find("GET", &segments(path)), Found::Nothing), "{path}");
        }
    }

    #[test]
    fn a_key_may_have_slashes() {
        let base = "/client/v4/accounts/a/r2/buckets/b/objects";
        let Found::Call(call, params) = find("PUT", &segments(&format!("{base}/x/y//z"))) else {
            panic!("not found")
        };
        assert!(call.pattern.ends_with("/objects/*key"));
        assert_eq!(params[2], ("key", "x/y//z".to_owned()));
        assert!(matches!(find("PUT", &segments(&format!("{base}/"))), Found::Nothing));
    }

    #[test]
    fn every_call_of_an_account_is_guarded() {
        for (method, pattern, need) in calls() {
            let of_account = pattern.contains("/:account");
            let upload = pattern.contains("/assets/upload");
            let guarded = matches!(need, Need::Account(_) | Need::Either(..) | Need::Operator);
            assert!(!of_account || upload || guarded, "{method} {pattern}");
        }
    }
}
