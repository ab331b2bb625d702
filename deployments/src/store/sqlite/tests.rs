//! The store of SQLite.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;

use super::*;
use crate::{
    AccountChange, AccountId, AssetEntry, AssetsConfig, AssetsRef, Binding, BlobHash,
    DeploymentStore as _, ModuleKind, ModuleRef, NewAccount, NewDeployment, NewDomain, NewRoute,
    NewToken, NewVersion, Percentage, Resource, ResourceChange, ResourceKind, Scope, Scopes,
    Script, SecretText, Share, Then, TokenId, Version, VersionContent, VersionId, WorkerKey,
};

struct Fixture {
    folder: tempfile::TempDir,
    store: SqliteStore,
    now: Arc<AtomicI64>,
    by: Actor,
}

fn fixture() -> Fixture {
    fixture_with(ZonePolicy::FirstCome)
}

fn fixture_with(zones: ZonePolicy) -> Fixture {
    let folder = tempfile::tempdir().expect("a folder");
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let store = open(folder.path(), &[[1; 32]], zones, &now);
    Fixture { folder, store, now, by: Actor::operator() }
}

fn open(
    path: &std::path::Path,
    keys: &[[u8; 32]],
    zones: ZonePolicy,
    now: &Arc<AtomicI64>,
) -> SqliteStore {
    let now = now.clone();
    let options = Options {
        keys: Keyring::new(keys).expect("keys"),
        zones,
        domain: Some("Edge.Test".to_owned()),
        clock: Arc::new(move || now.load(Ordering::Relaxed)),
    };
    let dir = Arc::new(DataDir::open(path, "test", 0).expect("free"));
    SqliteStore::open(dir, options).expect("opened")
}

impl Fixture {
    fn account(&self, name: &str) -> AccountId {
        let new = NewAccount { name: name.to_owned(), subdomain: None, limits: None };
        self.store.create_account(new, &self.by).expect("made").id
    }

    fn worker(&self, account: &AccountId, name: &str) -> WorkerKey {
        let key = WorkerKey::new(account.clone(), name).expect("a name");
        self.upload(&key, "export default {}");
        key
    }

    fn version(&self, code: &str, bindings: Vec<Binding>) -> NewVersion {
        let blob = self.store.put_blob(code.as_bytes()).expect("stored");
        NewVersion {
            source: "wrangler".to_owned(),
            annotations: BTreeMap::new(),
            content: VersionContent {
                script: Script::Modules("index.js".to_owned()),
                modules: vec![ModuleRef {
                    name: "index.js".to_owned(),
                    kind: ModuleKind::EsModule,
                    blob,
                    size: code.len() as u64,
                }],
                bindings,
                compatibility_date: Some("2026-08-01".to_owned()),
                compatibility_flags: Vec::new(),
                cpu_ms: Some(50),
                subrequests: None,
                assets: None,
                exports: None,
                placement: None,
                cache_options: None,
            },
            handlers: vec!["fetch".to_owned()],
            named_handlers: Vec::new(),
            startup_time_ms: Some(3),
        }
    }

    fn upload(&self, key: &WorkerKey, code: &str) -> Version {
        let new = self.version(code, Vec::new());
        self.store.put_version(key, new, live(), &self.by).expect("stored")
    }

    fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }
}

fn live() -> Then {
    Then::Deploy { annotations: BTreeMap::new(), settings: None }
}

fn route(pattern: &str, zone: Option<&str>) -> NewRoute {
    NewRoute { pattern: pattern.to_owned(), zone_name: zone.map(str::to_owned), zone_id: None }
}

fn shares(list: &[(VersionId, f64)]) -> NewDeployment {
    let share = |(version, percent): &(VersionId, f64)| Share {
        version: *version,
        percentage: Percentage::of(*percent).expect("a percentage"),
    };
    NewDeployment {
        source: "wrangler".to_owned(),
        annotations: BTreeMap::new(),
        shares: list.iter().map(share).collect(),
    }
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "api");
    let version = fixture.store.latest_version(&key).expect("read").expect("there");
    assert_eq!((version.number, version.handlers.as_slice()), (1, &["fetch".to_owned()][..]));
    let Fixture { folder, store, now, .. } = fixture;
    drop(store);
    let store = open(folder.path(), &[[1; 32]], ZonePolicy::FirstCome, &now);
    assert_eq!(store.latest_version(&key).expect("read"), Some(version.clone()));
    assert_eq!(store.version(&key, version.id).expect("read"), Some(version.clone()));
    let live = store.live().expect("read");
    assert_eq!(live.len(), 1);
    assert_eq!(live[0].shares[0].version, version.id);
    assert_eq!(store.version_by_prefix(&key, &version.id.short()).expect("read"), Some(version.id));
    assert_eq!(store.version_by_prefix(&key, "%").expect("read"), None);
}

#[test]
fn the_first_account_has_no_subdomain_and_others_get_one() {
    let fixture = fixture();
    let one = fixture.account("One");
    let two = fixture.account("Jane's Team");
    let three = fixture.account("Jane's Team");
    let label = |id| fixture.store.account(id).expect("read").expect("there").subdomain;
    assert_eq!(label(&one), None);
    assert_eq!(label(&two).as_deref(), Some("jane-s-team"));
    assert_eq!(label(&three).as_deref(), Some("jane-s-team-2"));
    let taken = AccountChange {
        subdomain: Some(Some("jane-s-team".to_owned())),
        ..AccountChange::default()
    };
    let error = fixture.store.update_account(&one, taken, &fixture.by).expect_err("taken");
    assert!(matches!(error, Error::Taken(_)), "{error}");
    let none = AccountChange { subdomain: Some(None), ..AccountChange::default() };
    fixture.store.update_account(&two, none, &fixture.by).expect_err("only one has none");
}

#[test]
fn a_token_is_found_by_its_secret_until_it_expires_or_is_revoked() {
    let fixture = fixture();
    let (one, two) = (fixture.account("One"), fixture.account("Two"));
    let new = |expires_on| NewToken {
        account: Some(one.clone()),
        name: "ci".to_owned(),
        scopes: Scopes::new([Scope::Deploy]),
        expires_on,
    };
    let (token, secret) = fixture.store.create_token(new(None), &fixture.by).expect("made");
    let found = fixture.store.token_of(secret.reveal()).expect("read").expect("there");
    assert_eq!(found.id, token.id);
    assert!(found.may(Scope::Read, &one) && !found.may(Scope::Read, &two));
    assert!(!found.may(Scope::Storage, &one) && !found.is_operator());
    assert_eq!(fixture.store.token_of("slv_nope").expect("read"), None);
    let file = std::fs::read(fixture.folder.path().join("meta/deployments.sqlite-wal"));
    let text = secret.reveal().as_bytes();
    assert!(!file.expect("read").windows(text.len()).any(|part| part == text), "it is hashed");

    let at = fixture.store.now() + 1000;
    let (_, short) = fixture.store.create_token(new(Some(at)), &fixture.by).expect("made");
    assert!(fixture.store.token_of(short.reveal()).expect("read").is_some());
    fixture.pass(1000);
    assert!(fixture.store.token_of(short.reveal()).expect("read").is_none(), "it has expired");

    let foreign = fixture.store.revoke_token(Some(&two), &token.id, &fixture.by);
    foreign.expect_err("another account's");
    fixture.store.revoke_token(Some(&one), &token.id, &fixture.by).expect("revoked");
    assert_eq!(fixture.store.token_of(secret.reveal()).expect("read"), None);
}

#[test]
fn shares_that_do_not_fit_change_nothing() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "api");
    let other = fixture.worker(&account, "other");
    let (first, second) = (fixture.upload(&key, "1").id, fixture.upload(&key, "2").id);
    let foreign = fixture.store.latest_version(&other).expect("read").expect("there").id;
    let before = fixture.store.deployments(&key).expect("read");
    for list in [
        &[][..],
        &[(first, 50.0)],
        &[(first, 50.0), (second, 50.01)],
        &[(first, 50.0), (first, 50.0)],
        &[(first, 50.0), (foreign, 50.0)],
        &[(first, 50.0), (VersionId::random(), 50.0)],
    ] {
        fixture.store.deploy(&key, shares(list), &fixture.by).expect_err("does not fit");
    }
    assert_eq!(fixture.store.deployments(&key).expect("read"), before);
    let new = shares(&[(first, 33.33), (second, 66.67)]);
    fixture.store.deploy(&key, new.clone(), &fixture.by).expect("fits");
    let live = fixture.store.live_worker(&key).expect("read").expect("there");
    assert_eq!(live.shares, new.shares);
}

#[test]
fn old_versions_go_but_what_serves_stays() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "api");
    let first = fixture.store.latest_version(&key).expect("read").expect("there").id;
    for number in 0..versions::MAX_KEPT + 5 {
        let new = fixture.version(&format!("export default {number}"), Vec::new());
        fixture.store.put_version(&key, new, Then::Keep, &fixture.by).expect("stored");
    }
    let kept = fixture.store.versions(&key).expect("read");
    assert_eq!(kept.len() as u64, versions::MAX_KEPT + 1);
    assert_eq!(kept.last().map(|version| version.id), Some(first), "it serves");
}

#[test]
fn secrets_are_encrypted_and_follow_the_key() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "api");
    let text = SecretText::new("hunter2-in-plain-sight".to_owned());
    let secret = fixture.store.seal(&key, "TOKEN", &text).expect("sealed");
    let new = fixture.version("1", vec![Binding::secret("TOKEN", secret)]);
    let version = fixture.store.put_version(&key, new, live(), &fixture.by).expect("stored");
    let Fixture { folder, store, now, by } = fixture;
    drop(store);
    for file in ["meta/deployments.sqlite", "meta/deployments.sqlite-wal"] {
        let Ok(bytes) = std::fs::read(folder.path().join(file)) else { continue };
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{file} shows it");
    }
    let read = |store: &SqliteStore| {
        let version = store.version(&key, version.id).expect("read").expect("there");
        let crate::BindingKind::Secret(Some(secret)) = &version.content.bindings[0].kind else {
            panic!("not a secret: {version:?}");
        };
        store.reveal(&key, "TOKEN", secret)
    };
    let store = open(folder.path(), &[[2; 32], [1; 32]], ZonePolicy::FirstCome, &now);
    assert_eq!(read(&store).expect("opened"), text);
    assert_eq!(store.reencrypt(&by).expect("done"), 1);
    assert_eq!(store.reencrypt(&by).expect("done"), 0);
    drop(store);
    let store = open(folder.path(), &[[2; 32]], ZonePolicy::FirstCome, &now);
    assert_eq!(read(&store).expect("opened"), text, "the old key is not needed any more");
}

#[test]
fn the_secret_of_a_resource_is_only_where_it_belongs() {
    let fixture = fixture();
    let (one, two) = (fixture.account("One"), fixture.account("Two"));
    let kind = ResourceKind::StoreSecret;
    let text = SecretText::new("hunter2-in-plain-sight".to_owned());
    let (id, name) = ("0f".to_owned(), "store/TOKEN".to_owned());
    let new = Resource { id, name, account: one.clone(), created: 0, settings: json!({}) };
    fixture.store.create_secret_resource(kind, new.clone(), &text, &fixture.by).expect("made");
    let again = Resource { id: "1e".to_owned(), ..new };
    let taken = fixture.store.create_secret_resource(kind, again, &text, &fixture.by);
    let taken = taken.expect_err("the name is taken").to_string();
    assert_eq!(taken, "a secret with the name 'TOKEN' already exists");
    let read = |store: &SqliteStore| store.resource_secret(&one, kind, "0f").expect("read");
    assert_eq!(read(&fixture.store), Some(text.clone()));
    let other = fixture.store.resource_secret(&two, kind, "0f");
    assert_eq!(other.expect("read"), None, "another account");
    let other = fixture.store.resource_secret(&one, ResourceKind::Hyperdrive, "0f");
    assert_eq!(other.expect("read"), None, "another kind");
    let Fixture { folder, store, now, by } = fixture;
    drop(store);
    for file in ["meta/deployments.sqlite", "meta/deployments.sqlite-wal"] {
        let Ok(bytes) = std::fs::read(folder.path().join(file)) else { continue };
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{file} shows it");
    }
    let store = open(folder.path(), &[[2; 32], [1; 32]], ZonePolicy::FirstCome, &now);
    assert_eq!(store.reencrypt(&by).expect("done"), 1);
    drop(store);
    let store = open(folder.path(), &[[2; 32]], ZonePolicy::FirstCome, &now);
    assert_eq!(read(&store), Some(text), "the old key is not needed any more");
    let next = SecretText::new("next".to_owned());
    let name = Some("store/OTHER".to_owned());
    let change = ResourceChange { name, settings: None, secret: Some(next.clone()) };
    let changed = store.change_resource(&one, kind, "0f", change, &by).expect("changed");
    assert_eq!((changed.name.as_str(), read(&store)), ("store/OTHER", Some(next)));
    store.delete_resource(&one, kind, "0f", &by).expect("deleted");
    assert_eq!(read(&store), None);
}

#[test]
fn no_account_takes_a_host_of_another() {
    let fixture = fixture();
    let (one, two) = (fixture.account("One"), fixture.account("Two"));
    let (a, b) = (fixture.worker(&one, "a"), fixture.worker(&two, "b"));
    let by = &fixture.by;
    let set = |key: &WorkerKey, routes: &[NewRoute]| fixture.store.set_routes(key, routes, by);
    set(&a, &[route("shop.example.com/*", None)]).expect("free");
    for pattern in [
        "shop.example.com/other",
        "*.example.com/*",
        "*shop.example.com/*",
        "api.shop.example.com/*",
        "EXAMPLE.com/",
        "edge.test/*",
        "a.edge.test/*",
        "*.test/*",
        "com/*",
    ] {
        let error = set(&b, &[route(pattern, None)]).expect_err(pattern);
        assert!(matches!(error, Error::Taken(_)), "{pattern}: {error}");
    }
    assert_eq!(fixture.store.zone_by_name(&two, "example.com").expect("read"), None);
    assert_eq!(fixture.store.zone_by_name(&two, "shop.example.com").expect("read"), None);
    let domain = NewDomain {
        hostname: "shop.example.com".to_owned(),
        zone_name: None,
        zone_id: None,
        enabled: true,
        previews_enabled: false,
    };
    fixture.store.set_domains(&b, &[domain], true, by).expect_err("another account's");
    assert!(fixture.store.routes(&b).expect("read").is_empty(), "nothing was changed");
    // The owner may have the name above, too.
    set(&a, &[route("*.example.com/*", Some("example.com"))]).expect("its own");
    set(&b, &[route("other.org/*", None)]).expect("free");
    let error = fixture.store.assign_zone(&one, "other.org", by).expect_err("taken");
    assert!(matches!(error, Error::Taken(_)), "{error}");
    // What nobody uses any more is nobody's.
    set(&a, &[]).expect("none");
    assert!(fixture.store.zones(&one).expect("read").is_empty());
    set(&b, &[route("shop.example.com/*", None)]).expect("free again");
    fixture.store.delete_worker(&b, by).expect("deleted");
    set(&a, &[route("other.org/*", None)]).expect("free again");
}

#[test]
fn a_zone_has_the_same_id_before_and_after_it_is_taken() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "a");
    let before = fixture.store.zone_by_name(&account, "example.com").expect("read").expect("free");
    assert_eq!(before.created_on, None);
    let new = route("www.example.com/*", Some("example.com"));
    let routes = fixture.store.set_routes(&key, &[new], &fixture.by).expect("set");
    assert_eq!(routes[0].zone, before.id);
    let again = route("www.example.com/*", None);
    let kept = fixture.store.set_routes(&key, &[again], &fixture.by).expect("set");
    assert_eq!(kept[0].id, routes[0].id, "what stays keeps its id");
    assert_eq!(fixture.store.zone_routes(&account, &before.id).expect("read").len(), 1);
    assert!(fixture.store.zone_by_name(&account, "www.example.com").expect("read").is_none());
}

#[test]
fn where_the_operator_gives_zones_nobody_takes_one() {
    let fixture = fixture_with(ZonePolicy::Assigned);
    let account = fixture.account("One");
    let key = fixture.worker(&account, "a");
    let new = [route("example.com/*", None)];
    fixture.store.set_routes(&key, &new, &fixture.by).expect_err("not given");
    let zone = fixture.store.assign_zone(&account, "Example.com", &fixture.by).expect("given");
    fixture.store.set_routes(&key, &new, &fixture.by).expect("given");
    fixture.store.set_routes(&key, &[], &fixture.by).expect("none");
    assert_eq!(fixture.store.zones(&account).expect("read").len(), 1, "it stays");
    fixture.store.set_routes(&key, &new, &fixture.by).expect("given");
    fixture.store.release_zone(&account, &zone.id, &fixture.by).expect("taken away");
    assert!(fixture.store.routes(&key).expect("read").is_empty());
}

#[test]
fn two_workers_of_an_account_share_no_route() {
    let fixture = fixture();
    let account = fixture.account("One");
    let (a, b) = (fixture.worker(&account, "a"), fixture.worker(&account, "b"));
    fixture.store.set_routes(&a, &[route("a.com/*", None)], &fixture.by).expect("free");
    let error = fixture.store.set_routes(&b, &[route("A.com/*", None)], &fixture.by);
    let error = error.expect_err("taken").to_string();
    assert_eq!(error, "the route a.com/* is already that of \"a\"");
    let id = fixture.store.routes(&a).expect("read")[0].id.clone();
    let other = fixture.account("Two");
    fixture.store.delete_route(&other, &id, &fixture.by).expect_err("another account's");
    let next = route("b.com/*", None);
    let (_, before) = fixture.store.replace_route(&id, &b, &next, &fixture.by).expect("replaced");
    assert_eq!(before, a);
    assert!(fixture.store.routes(&a).expect("read").is_empty());
    let id = fixture.store.routes(&b).expect("read")[0].id.clone();
    let a = b;
    assert_eq!(fixture.store.delete_route(&account, &id, &fixture.by).expect("deleted"), a);
}

#[test]
fn a_domain_moves_only_when_it_is_said() {
    let fixture = fixture();
    let account = fixture.account("One");
    let (a, b) = (fixture.worker(&account, "a"), fixture.worker(&account, "b"));
    let domain = [NewDomain {
        hostname: "a.example.com".to_owned(),
        zone_name: Some("example.com".to_owned()),
        zone_id: None,
        enabled: true,
        previews_enabled: true,
    }];
    fixture.store.set_domains(&a, &domain, false, &fixture.by).expect("free");
    fixture.store.set_domains(&b, &domain, false, &fixture.by).expect_err("that of a");
    let (_, losers) = fixture.store.set_domains(&b, &domain, true, &fixture.by).expect("moved");
    assert_eq!(losers, std::slice::from_ref(&a));
    let live = fixture.store.live().expect("read");
    let hosts: Vec<usize> = live.iter().map(|worker| worker.domains.len()).collect();
    assert_eq!(hosts, [0, 1]);
}

#[test]
fn a_namespace_of_another_account_cannot_be_bound() {
    let fixture = fixture();
    let (one, two) = (fixture.account("One"), fixture.account("Two"));
    let namespace = fixture.store.create_kv(&one, "cache", &fixture.by).expect("made");
    fixture.store.create_kv(&one, "cache", &fixture.by).expect_err("the title is taken");
    let raw = json!({ "name": "KV", "type": "kv_namespace", "namespace_id": namespace.id });
    let binding = || vec![Binding::from_raw(raw.clone()).expect("valid")];
    let key = WorkerKey::new(two, "thief").expect("a name");
    let stolen = fixture.version("1", binding());
    let error = fixture.store.put_version(&key, stolen, live(), &fixture.by).expect_err("refused");
    assert!(matches!(error, Error::Missing { what: "KV namespace", .. }), "{error}");
    assert_eq!(fixture.store.worker(&key).expect("read"), None, "nothing was changed");

    let own = WorkerKey::new(one.clone(), "own").expect("a name");
    let bound = fixture.version("1", binding());
    fixture.store.put_version(&own, bound, live(), &fixture.by).expect("its own");
    fixture.store.delete_kv(&one, &namespace.id, &fixture.by).expect_err("in use");
    fixture.upload(&own, "2");
    fixture.store.delete_kv(&one, &namespace.id, &fixture.by).expect("not used any more");
}

#[test]
fn a_version_without_its_blobs_is_not_stored() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = WorkerKey::new(account, "a").expect("a name");
    let mut new = fixture.version("1", Vec::new());
    new.content.modules[0].blob = BlobHash::of(b"never stored");
    fixture.store.put_version(&key, new, live(), &fixture.by).expect_err("missing");
    assert!(fixture.store.live().expect("read").is_empty());
}

#[test]
fn blobs_that_nobody_needs_go_and_others_stay() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "a");
    let blob = fixture.store.put_blob(b"<h1>").expect("stored");
    let entry = AssetEntry {
        hash: "0".repeat(32),
        blob: blob.clone(),
        size: 4,
        content_type: Some("text/html".to_owned()),
    };
    fixture.store.put_assets(&account, std::slice::from_ref(&entry)).expect("stored");
    let mut new = fixture.version("1", Vec::new());
    let manifest = BTreeMap::from([("/index.html".to_owned(), entry.clone())]);
    new.content.assets = Some(AssetsRef { manifest, config: AssetsConfig::default() });
    fixture.store.put_version(&key, new, live(), &fixture.by).expect("stored");
    let stray = fixture.store.put_blob(b"stray").expect("stored");
    let present = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_millis() as i64;
    fixture.now.store(present, Ordering::Relaxed);
    assert_eq!(fixture.store.collect_garbage().expect("done"), 0, "all are young");
    fixture.pass(30 * 24 * 3_600_000);
    assert_eq!(fixture.store.collect_garbage().expect("done"), 1);
    fixture.store.blob(&stray).expect_err("gone");
    assert_eq!(fixture.store.blob(&blob).expect("needed"), "<h1>");
    let known = fixture.store.known_assets(&account, &[&entry.hash, "f"]).expect("read");
    assert_eq!(known.len(), 1);
    let other = fixture.account("Two");
    let known = fixture.store.known_assets(&other, &[&entry.hash]).expect("read");
    assert!(known.is_empty(), "what another account has is not told");

    fixture.store.delete_worker(&key, &fixture.by).expect("deleted");
    fixture.pass(30 * 24 * 3_600_000);
    assert_eq!(fixture.store.collect_garbage().expect("done"), 3);
    fixture.store.blob(&blob).expect_err("gone");
}

#[test]
fn all_that_an_account_has_goes_with_it() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "a");
    fixture.store.set_routes(&key, &[route("a.com/*", None)], &fixture.by).expect("free");
    fixture.store.delete_account(&account, &fixture.by).expect("deleted");
    assert!(fixture.store.live().expect("read").is_empty());
    let next = fixture.account("Two");
    let b = fixture.worker(&next, "b");
    fixture.store.set_routes(&b, &[route("a.com/*", None)], &fixture.by).expect("free again");
}

#[test]
fn changes_are_written_down_with_who_made_them() {
    let fixture = fixture();
    let account = fixture.account("One");
    let key = fixture.worker(&account, "a");
    let by = Actor { token: Some(TokenId::random()), name: "ci".to_owned() };
    fixture.store.set_crons(&key, &["* * * * *".to_owned()], &by).expect("set");
    let rows = fixture.store.audit(Some(&account), 10).expect("read");
    assert_eq!(rows[0].action, "worker.schedules");
    assert_eq!((rows[0].actor.as_str(), &rows[0].token), ("ci", &by.token));
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "worker.schedules",
            "deployment.create",
            "version.create",
            "worker.create",
            "account.create"
        ]
    );
    assert!(fixture.store.audit(Some(&AccountId::random()), 10).expect("read").is_empty());
}

#[test]
fn an_account_has_at_most_so_many_workers_as_its_limit_says() {
    let fixture = fixture();
    let account = fixture.account("One");
    let limits = crate::AccountLimits { workers: Some(1), ..Default::default() };
    let change = AccountChange { limits: Some(Some(limits)), ..AccountChange::default() };
    fixture.store.update_account(&account, change, &fixture.by).expect("changed");
    let key = fixture.worker(&account, "a");
    let second = WorkerKey::new(account, "b").expect("a name");
    let new = fixture.version("1", Vec::new());
    fixture.store.put_version(&second, new, live(), &fixture.by).expect_err("one too many");
    fixture.upload(&key, "2");
}

/// Deploys one version after the other until it is killed; the parent process is
/// the test below.
#[test]
#[ignore = "runs until it is killed, for the test below"]
fn deploys_until_it_is_killed() {
    let Some(path) =
        std::env::args().find_map(|arg| arg.strip_prefix("--skip=at:").map(str::to_owned))
    else {
        return;
    };
    let now = Arc::new(AtomicI64::new(1_800_000_000_000));
    let store = open(std::path::Path::new(&path), &[[1; 32]], ZonePolicy::FirstCome, &now);
    let by = Actor::operator();
    let account = store.accounts().expect("read").remove(0).id;
    let key = WorkerKey::new(account, "api").expect("a name");
    let live = store.latest_version(&key).expect("read").expect("there");
    for number in 0.. {
        let code = format!("export default {number}");
        let mut content = live.content.clone();
        content.modules[0].blob = store.put_blob(code.as_bytes()).expect("stored");
        let new = NewVersion {
            source: String::new(),
            annotations: BTreeMap::from([("n".to_owned(), number.to_string())]),
            content,
            handlers: Vec::new(),
            named_handlers: Vec::new(),
            startup_time_ms: None,
        };
        let annotations = new.annotations.clone();
        let then = Then::Deploy { annotations, settings: None };
        store.put_version(&key, new, then, &by).expect("stored");
        println!("deployed {number}");
    }
}

/// Whenever the process dies: a deployment is there whole, with its version and
/// its blobs, or not at all; and what was acknowledged is there.
#[cfg(unix)]
#[test]
fn a_kill_in_the_middle_of_a_deploy_leaves_all_of_it_or_nothing() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};
    for acknowledged in [1, 7, 20] {
        let fixture = fixture();
        let account = fixture.account("One");
        let key = fixture.worker(&account, "api");
        let Fixture { folder, store, now, .. } = fixture;
        drop(store);
        let mut child = Command::new(std::env::current_exe().expect("a test has an executable"))
            .args(["deploys_until_it_is_killed", "--ignored", "--nocapture"])
            .arg(format!("--skip=at:{}", folder.path().display()))
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let lines = std::io::BufReader::new(child.stdout.take().expect("piped")).lines();
        let deployed = lines.map_while(Result::ok).filter(|line| line.contains("deployed "));
        assert_eq!(deployed.take(acknowledged).count(), acknowledged);
        child.kill().expect("killed");
        child.wait().expect("ended");
        let store = open(folder.path(), &[[1; 32]], ZonePolicy::FirstCome, &now);
        let live = store.live_worker(&key).expect("read").expect("there");
        let version = store.version(&key, live.shares[0].version).expect("read").expect("whole");
        let newest = store.latest_version(&key).expect("read").expect("there");
        assert_eq!(version.id, newest.id, "no version without its deployment");
        assert!(version.number > acknowledged as u64, "what was acknowledged is there");
        let code = store.blob(&version.content.modules[0].blob).expect("there");
        let number = &version.annotations["n"];
        assert_eq!(code, format!("export default {number}"));
    }
}
