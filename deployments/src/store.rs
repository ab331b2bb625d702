//! The store of all that is deployed.

pub mod sqlite;

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;

use crate::account::{Account, AccountChange, NewAccount};
use crate::assets::{AssetEntry, AssetsSession};
use crate::audit::{Actor, AuditRow};
use crate::deployment::{Deployment, NewDeployment};
use crate::error::Error;
use crate::ids::{AccountId, BlobHash, TokenId, VersionId, WorkerKey};
use crate::resource::{Resource, ResourceChange, ResourceKind};
use crate::secret::{EncryptedSecret, SecretText};
use crate::token::{NewToken, Token, TokenSecret};
use crate::version::{NewVersion, Version, VersionSummary};
use crate::worker::{LiveWorker, WorkerInfo, WorkerSettings};
use crate::zone::{Domain, KvNamespaceInfo, NewDomain, NewRoute, Route, Zone};

pub use sqlite::{Options, SqliteStore};

type Result<T> = std::result::Result<T, Error>;

/// What becomes of a version that is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// Nothing: it waits for a deployment.
    Keep,
    /// It gets all requests at once, and the Worker these settings.
    Deploy {
        /// `workers/message` and others.
        annotations: BTreeMap<String, String>,
        /// `None` leaves them.
        settings: Option<WorkerSettings>,
    },
}

/// All that is deployed on a server, whoever keeps it.
///
/// - A call either does all of what it says or nothing.
/// - What was changed outlives the process and the machine's power when the
///   call returns.
/// - Calls block for a short time. On async threads, `spawn_blocking` them.
/// - What a call gives is of the account that it was asked for: ids of other
///   accounts are missing to it.
/// - Each change writes an [`AuditRow`] with its [`Actor`].
pub trait DeploymentStore: Debug + Send + Sync {
    // ----- Accounts and tokens. -----

    /// Makes an account.
    fn create_account(&self, new: NewAccount, by: &Actor) -> Result<Account>;
    /// The account of this id.
    fn account(&self, id: &AccountId) -> Result<Option<Account>>;
    /// All accounts, by age.
    fn accounts(&self) -> Result<Vec<Account>>;
    /// Changes an account. [`Error::Taken`] when another one has the label.
    fn update_account(&self, id: &AccountId, change: AccountChange, by: &Actor) -> Result<Account>;
    /// Deletes an account with its Workers, tokens, zones and ids of namespaces.
    fn delete_account(&self, id: &AccountId, by: &Actor) -> Result<()>;
    /// Whether an account has the label.
    fn subdomain_is_taken(&self, label: &str) -> Result<bool>;

    /// Makes a token. Its secret is told only here.
    fn create_token(&self, new: NewToken, by: &Actor) -> Result<(Token, TokenSecret)>;
    /// The tokens of an account; `None`: all there are.
    fn tokens(&self, account: Option<&AccountId>) -> Result<Vec<Token>>;
    /// The token that has this secret, unless it has expired or was revoked.
    fn token_of(&self, secret: &str) -> Result<Option<Token>>;
    /// A token that is valid, with the hash of its secret: what signatures are made
    /// with.
    fn token_key(&self, id: &TokenId) -> Result<Option<(Token, Vec<u8>)>>;
    /// Ends a token. With an account, only one of that account.
    fn revoke_token(&self, account: Option<&AccountId>, id: &TokenId, by: &Actor) -> Result<()>;

    // ----- Workers. -----

    /// All Workers, for routing.
    fn live(&self) -> Result<Vec<LiveWorker>>;
    /// One Worker, for routing. `None` after it was deleted.
    fn live_worker(&self, key: &WorkerKey) -> Result<Option<LiveWorker>>;
    /// The Workers of an account, by name.
    fn workers(&self, account: &AccountId) -> Result<Vec<WorkerInfo>>;
    /// One Worker.
    fn worker(&self, key: &WorkerKey) -> Result<Option<WorkerInfo>>;
    /// Replaces what is said of a Worker beside its code.
    fn set_settings(&self, key: &WorkerKey, settings: WorkerSettings, by: &Actor) -> Result<()>;
    /// Sets whether it answers at `NAME[.SUBDOMAIN].DOMAIN`, and its previews.
    fn set_workers_dev(
        &self,
        key: &WorkerKey,
        enabled: bool,
        previews: bool,
        by: &Actor,
    ) -> Result<()>;
    /// Deletes a Worker with its versions, secrets, routes, domains and crons.
    fn delete_worker(&self, key: &WorkerKey, by: &Actor) -> Result<()>;

    // ----- Versions and deployments. -----

    /// Stores a version, and makes the Worker if it is the first one. All of its
    /// blobs are there, and so are its namespaces of KV.
    fn put_version(
        &self,
        key: &WorkerKey,
        new: NewVersion,
        then: Then,
        by: &Actor,
    ) -> Result<Version>;
    /// A version with all that goes with it.
    fn version(&self, key: &WorkerKey, id: VersionId) -> Result<Option<Version>>;
    /// The version whose id begins with these 8 hexadecimal digits, of which
    /// preview hosts are made; the newest one if there are several.
    fn version_by_prefix(&self, key: &WorkerKey, prefix: &str) -> Result<Option<VersionId>>;
    /// The newest version.
    fn latest_version(&self, key: &WorkerKey) -> Result<Option<Version>>;
    /// The versions that are kept, newest first.
    fn versions(&self, key: &WorkerKey) -> Result<Vec<VersionSummary>>;
    /// Gives versions their shares of requests.
    /// [`Error::NoVersion`] and [`Error::Invalid`] when the shares do not fit.
    fn deploy(&self, key: &WorkerKey, new: NewDeployment, by: &Actor) -> Result<Deployment>;
    /// The deployments that are kept, newest first. The first one serves.
    fn deployments(&self, key: &WorkerKey) -> Result<Vec<Deployment>>;

    // ----- Secrets. -----

    /// Encrypts the secret `name` of a Worker. It is stored as a part of a version.
    fn seal(&self, key: &WorkerKey, name: &str, text: &SecretText) -> Result<EncryptedSecret>;
    /// Decrypts the secret `name` of a Worker, for its `env`.
    fn reveal(&self, key: &WorkerKey, name: &str, secret: &EncryptedSecret) -> Result<SecretText>;
    /// Encrypts what was encrypted with an older key again; gives how many.
    fn reencrypt(&self, by: &Actor) -> Result<u64>;
    /// A key for another purpose, made of the current key of the secrets.
    fn derive_key(&self, purpose: &str) -> [u8; 32];

    // ----- Hosts. -----

    /// The zones of an account.
    fn zones(&self, account: &AccountId) -> Result<Vec<Zone>>;
    /// The zone of this name if it is the account's, or could be: nobody else has
    /// it, a part of it, or what it is a part of.
    fn zone_by_name(&self, account: &AccountId, name: &str) -> Result<Option<Zone>>;
    /// The zone of this id, if it is the account's.
    fn zone(&self, account: &AccountId, id: &str) -> Result<Option<Zone>>;
    /// Gives a zone to an account. [`Error::Taken`] when it meets that of another.
    fn assign_zone(&self, account: &AccountId, name: &str, by: &Actor) -> Result<Zone>;
    /// Takes a zone away, with the routes and domains in it.
    fn release_zone(&self, account: &AccountId, id: &str, by: &Actor) -> Result<()>;

    /// The routes in a zone of an account.
    fn zone_routes(&self, account: &AccountId, zone: &str) -> Result<Vec<Route>>;
    /// The routes of a Worker.
    fn routes(&self, key: &WorkerKey) -> Result<Vec<Route>>;
    /// Replaces the routes of a Worker. [`Error::Taken`] when one of them is
    /// another Worker's, or its host another account's.
    fn set_routes(&self, key: &WorkerKey, routes: &[NewRoute], by: &Actor) -> Result<Vec<Route>>;
    /// Adds one, or gives the one of this pattern to this Worker of the account.
    fn add_route(&self, key: &WorkerKey, route: &NewRoute, by: &Actor) -> Result<Route>;
    /// Makes another one of a route of the account: of another pattern, or for
    /// another Worker. Gives it, and the Worker that had it.
    fn replace_route(
        &self,
        id: &str,
        key: &WorkerKey,
        route: &NewRoute,
        by: &Actor,
    ) -> Result<(Route, WorkerKey)>;
    /// Deletes a route of an account; gives the Worker that had it.
    fn delete_route(&self, account: &AccountId, id: &str, by: &Actor) -> Result<WorkerKey>;

    /// The custom domains of an account.
    fn domains(&self, account: &AccountId) -> Result<Vec<Domain>>;
    /// Replaces the custom domains of a Worker. Those that other Workers of the
    /// account have move here if `take_over` says so, and are [`Error::Taken`]
    /// otherwise. Gives the domains, and the Workers that lost some.
    fn set_domains(
        &self,
        key: &WorkerKey,
        domains: &[NewDomain],
        take_over: bool,
        by: &Actor,
    ) -> Result<(Vec<Domain>, Vec<WorkerKey>)>;
    /// Deletes a custom domain; gives the Worker that had it.
    fn delete_domain(&self, account: &AccountId, id: &str, by: &Actor) -> Result<WorkerKey>;

    /// Replaces the crons of a Worker; they were checked.
    fn set_crons(&self, key: &WorkerKey, crons: &[String], by: &Actor) -> Result<()>;

    // ----- KV namespaces. -----

    /// Makes a namespace. [`Error::Taken`] when the account has one of this title.
    fn create_kv(&self, account: &AccountId, title: &str, by: &Actor) -> Result<KvNamespaceInfo>;
    /// The namespaces of an account, by title.
    fn kv_namespaces(&self, account: &AccountId) -> Result<Vec<KvNamespaceInfo>>;
    /// The namespace of this id, if it is the account's.
    fn kv_namespace(&self, account: &AccountId, id: &str) -> Result<Option<KvNamespaceInfo>>;
    /// Gives a namespace another title.
    fn rename_kv(&self, account: &AccountId, id: &str, title: &str, by: &Actor) -> Result<()>;
    /// Deletes a namespace. [`Error::Taken`] while a version that is deployed is
    /// bound to it.
    fn delete_kv(&self, account: &AccountId, id: &str, by: &Actor) -> Result<()>;

    // ----- What else an account has: databases and the like. -----

    /// Makes one; when it was made is filled in. [`Error::Taken`] when the account
    /// has one of this kind and name.
    fn create_resource(&self, kind: ResourceKind, new: Resource, by: &Actor) -> Result<Resource>;
    /// Replaces the settings of the one of this id.
    fn set_resource_settings(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
        settings: &serde_json::Value,
        by: &Actor,
    ) -> Result<()>;
    /// Makes one that has a secret, as [`DeploymentStore::create_resource`].
    fn create_secret_resource(
        &self,
        kind: ResourceKind,
        new: Resource,
        secret: &SecretText,
        by: &Actor,
    ) -> Result<Resource>;
    /// Changes the one of this id. [`Error::Taken`] when another one has the name.
    fn change_resource(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
        change: ResourceChange,
        by: &Actor,
    ) -> Result<Resource>;
    /// The secret of the one of this id, if it has one; for Workers and for what
    /// serves them, never for those who ask over the API.
    fn resource_secret(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
    ) -> Result<Option<SecretText>>;
    /// Those of an account and kind, by name.
    fn resources(&self, account: &AccountId, kind: ResourceKind) -> Result<Vec<Resource>>;
    /// The one of this id or, where none has it, of this name, if it is the
    /// account's.
    fn resource(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id_or_name: &str,
    ) -> Result<Option<Resource>>;
    /// Deletes the one of this id. Its data is not here.
    fn delete_resource(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
        by: &Actor,
    ) -> Result<()>;

    // ----- Assets and blobs. -----

    /// Begins an upload of assets.
    fn create_assets_session(&self, session: AssetsSession) -> Result<()>;
    /// An upload that has not expired.
    fn assets_session(&self, id: &str) -> Result<Option<AssetsSession>>;
    /// Which of these hashes the account has the content of.
    fn known_assets(
        &self,
        account: &AccountId,
        hashes: &[&str],
    ) -> Result<BTreeMap<String, AssetEntry>>;
    /// Remembers the contents of hashes; the blobs are there.
    fn put_assets(&self, account: &AccountId, entries: &[AssetEntry]) -> Result<()>;

    /// Stores content by its hash. What no version needs goes in time.
    fn put_blob(&self, content: &[u8]) -> Result<BlobHash>;
    /// The content of this hash. [`Error::Missing`] when there is none, and a
    /// storage error when it is damaged.
    fn blob(&self, hash: &BlobHash) -> Result<Bytes>;
    /// Bytes that the versions and assets of an account take.
    fn storage_bytes(&self, account: &AccountId) -> Result<u64>;
    /// Deletes what nobody needs: blobs, sessions, assets. Gives how many blobs.
    fn collect_garbage(&self) -> Result<u64>;

    // ----- Audit. -----

    /// What was changed, newest first; `None`: everywhere.
    fn audit(&self, account: Option<&AccountId>, limit: u32) -> Result<Vec<AuditRow>>;
}
