//! The store in a file of SQLite, `meta/deployments.sqlite` in the data folder,
//! with the blobs beside it.
//!
//! One connection, one transaction per change, synced to disk before the call
//! returns. Statements are in one file per noun.

mod accounts;
mod assets;
mod audit;
mod domains;
mod hosts;
mod kv;
mod row;
mod secrets;
mod tokens;
mod versions;
mod workers;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{self, Kind};

use super::{DeploymentStore, Then};
use crate::account::{Account, AccountChange, NewAccount};
use crate::assets::{AssetEntry, AssetsSession};
use crate::audit::{Actor, AuditRow};
use crate::blobs::Blobs;
use crate::deployment::{Deployment, NewDeployment};
use crate::error::Error;
use crate::ids::{AccountId, BlobHash, TokenId, VersionId, WorkerKey};
use crate::secret::{EncryptedSecret, Keyring, SecretText};
use crate::token::{NewToken, Token, TokenSecret};
use crate::version::{NewVersion, Version, VersionSummary};
use crate::worker::{LiveWorker, WorkerInfo, WorkerSettings};
use crate::zone::{Domain, KvNamespaceInfo, NewDomain, NewRoute, Route, Zone, ZonePolicy};
use crate::{UnixMillis, names};

/// The folder in the data folder.
pub const FOLDER: &str = "meta";
/// The file in it.
pub const FILE: &str = "deployments.sqlite";
const KIND: Kind = Kind {
    what: "store of deployments",
    application_id: u32::from_be_bytes(*b"SvDp"),
    version: 1,
    schema: include_str!("sqlite/schema.sql"),
};
/// How long another program may hold the file, such as a backup: 5 s.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Tells the present in Unix ms.
pub type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// How a store is opened.
pub struct Options {
    /// The keys of the secrets.
    pub keys: Keyring,
    /// Who may have zones.
    pub zones: ZonePolicy,
    /// The server's own domain: below it are the Workers' own names, and no
    /// account can have routes there.
    pub domain: Option<String>,
    /// The present.
    pub clock: Clock,
}

/// The store of a data folder.
pub struct SqliteStore {
    path: PathBuf,
    connection: Mutex<Connection>,
    blobs: Blobs,
    options: Options,
    /// The folder is ours as long as the file is used.
    dir: Arc<DataDir>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What goes wrong within a transaction.
enum Fault {
    Sql(rusqlite::Error),
    Refused(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(Error::Storage(selvedge_storage::Error::Internal(error.to_string())))
    }
}

type Fallible<T> = Result<T, Fault>;

/// A transaction that changes something.
struct Change<'a> {
    sql: Transaction<'a>,
    now: UnixMillis,
    by: &'a Actor,
    options: &'a Options,
}

impl SqliteStore {
    /// Opens the store of a data folder, or makes it.
    ///
    /// # Errors
    /// A storage error if the file is not ours, or [`Error::Invalid`] for a domain
    /// that is none.
    pub fn open(dir: Arc<DataDir>, mut options: Options) -> Result<Self, Error> {
        if let Some(domain) = &mut options.domain {
            let invalid = || Error::Invalid(format!("\"{domain}\" is not a domain"));
            *domain = names::host(domain).ok_or_else(invalid)?;
        }
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let path = folder.join(FILE);
        file::create_or_check(&path, &KIND, |_| Ok(()))?;
        let connection = connect(&path).map_err(|error| failure(&path, &error))?;
        let blobs = Blobs::open(dir.path())?;
        Ok(Self { path, connection: Mutex::new(connection), blobs, options, dir })
    }

    /// The data folder.
    pub fn dir(&self) -> &Arc<DataDir> {
        &self.dir
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> UnixMillis {
        (self.options.clock)()
    }

    fn error(&self, fault: Fault) -> Error {
        match fault {
            Fault::Refused(error) => error,
            Fault::Sql(error) => failure(&self.path, &error).into(),
        }
    }

    /// Reads in one transaction, so that all is of one moment.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Fallible<T>) -> Result<T, Error> {
        let mut connection = self.lock();
        let run = || -> Fallible<T> { read(&*connection.transaction()?) };
        run().map_err(|fault| self.error(fault))
    }

    /// Changes in one transaction: all of it, or nothing.
    fn change<T>(
        &self,
        by: &Actor,
        change: impl FnOnce(&Change<'_>) -> Fallible<T>,
    ) -> Result<T, Error> {
        let now = self.now();
        let mut connection = self.lock();
        let run = || -> Fallible<T> {
            let sql = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let session = Change { sql, now, by, options: &self.options };
            let done = change(&session)?;
            session.sql.commit()?;
            Ok(done)
        };
        run().map_err(|fault| self.error(fault))
    }
}

fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

impl DeploymentStore for SqliteStore {
    fn create_account(&self, new: NewAccount, by: &Actor) -> Result<Account, Error> {
        self.change(by, |change| accounts::create(change, new))
    }

    fn account(&self, id: &AccountId) -> Result<Option<Account>, Error> {
        self.read(|sql| accounts::find(sql, id))
    }

    fn accounts(&self) -> Result<Vec<Account>, Error> {
        self.read(accounts::list)
    }

    fn update_account(
        &self,
        id: &AccountId,
        update: AccountChange,
        by: &Actor,
    ) -> Result<Account, Error> {
        self.change(by, |change| accounts::update(change, id, update))
    }

    fn delete_account(&self, id: &AccountId, by: &Actor) -> Result<(), Error> {
        self.change(by, |change| accounts::delete(change, id))
    }

    fn subdomain_is_taken(&self, label: &str) -> Result<bool, Error> {
        self.read(|sql| accounts::subdomain_is_taken(sql, label))
    }

    fn create_token(&self, new: NewToken, by: &Actor) -> Result<(Token, TokenSecret), Error> {
        self.change(by, |change| tokens::create(change, new))
    }

    fn tokens(&self, account: Option<&AccountId>) -> Result<Vec<Token>, Error> {
        self.read(|sql| tokens::list(sql, account))
    }

    fn token_of(&self, secret: &str) -> Result<Option<Token>, Error> {
        let now = self.now();
        let token = self.read(|sql| tokens::find(sql, secret, now))?;
        if let Some(token) = &token
            && tokens::is_to_be_marked(token, now)
        {
            self.change(&Actor::operator(), |change| tokens::mark(change, &token.id))?;
        }
        Ok(token)
    }

    fn revoke_token(
        &self,
        account: Option<&AccountId>,
        id: &TokenId,
        by: &Actor,
    ) -> Result<(), Error> {
        self.change(by, |change| tokens::revoke(change, account, id))
    }

    fn live(&self) -> Result<Vec<LiveWorker>, Error> {
        self.read(|sql| workers::live(sql, None))
    }

    fn live_worker(&self, key: &WorkerKey) -> Result<Option<LiveWorker>, Error> {
        self.read(|sql| Ok(workers::live(sql, Some(key))?.pop()))
    }

    fn workers(&self, account: &AccountId) -> Result<Vec<WorkerInfo>, Error> {
        self.read(|sql| workers::list(sql, account))
    }

    fn worker(&self, key: &WorkerKey) -> Result<Option<WorkerInfo>, Error> {
        self.read(|sql| workers::find(sql, key))
    }

    fn set_settings(
        &self,
        key: &WorkerKey,
        settings: WorkerSettings,
        by: &Actor,
    ) -> Result<(), Error> {
        self.change(by, |change| workers::set_settings(change, key, &settings))
    }

    fn set_workers_dev(
        &self,
        key: &WorkerKey,
        enabled: bool,
        previews: bool,
        by: &Actor,
    ) -> Result<(), Error> {
        self.change(by, |change| workers::set_workers_dev(change, key, enabled, previews))
    }

    fn delete_worker(&self, key: &WorkerKey, by: &Actor) -> Result<(), Error> {
        self.change(by, |change| workers::delete(change, key))
    }

    fn put_version(
        &self,
        key: &WorkerKey,
        new: NewVersion,
        then: Then,
        by: &Actor,
    ) -> Result<Version, Error> {
        for hash in versions::blobs(&new.content).keys() {
            self.blobs.check(hash)?;
        }
        self.change(by, |change| versions::put(change, key, new, then))
    }

    fn version(&self, key: &WorkerKey, id: VersionId) -> Result<Option<Version>, Error> {
        self.read(|sql| versions::find(sql, key, id))
    }

    fn version_by_prefix(&self, key: &WorkerKey, prefix: &str) -> Result<Option<VersionId>, Error> {
        self.read(|sql| versions::by_prefix(sql, key, prefix))
    }

    fn latest_version(&self, key: &WorkerKey) -> Result<Option<Version>, Error> {
        self.read(|sql| versions::latest(sql, key))
    }

    fn versions(&self, key: &WorkerKey) -> Result<Vec<VersionSummary>, Error> {
        self.read(|sql| versions::list(sql, key))
    }

    fn deploy(&self, key: &WorkerKey, new: NewDeployment, by: &Actor) -> Result<Deployment, Error> {
        self.change(by, |change| versions::deploy(change, key, new))
    }

    fn deployments(&self, key: &WorkerKey) -> Result<Vec<Deployment>, Error> {
        self.read(|sql| versions::deployments(sql, key))
    }

    fn seal(
        &self,
        key: &WorkerKey,
        name: &str,
        text: &SecretText,
    ) -> Result<EncryptedSecret, Error> {
        self.options.keys.seal(key, name, text)
    }

    fn reveal(
        &self,
        key: &WorkerKey,
        name: &str,
        secret: &EncryptedSecret,
    ) -> Result<SecretText, Error> {
        self.options.keys.open(key, name, secret)
    }

    fn reencrypt(&self, by: &Actor) -> Result<u64, Error> {
        self.change(by, secrets::reencrypt)
    }

    fn derive_key(&self, purpose: &str) -> [u8; 32] {
        self.options.keys.derive(purpose)
    }

    fn zones(&self, account: &AccountId) -> Result<Vec<Zone>, Error> {
        self.read(|sql| hosts::zones(sql, account))
    }

    fn zone_by_name(&self, account: &AccountId, name: &str) -> Result<Option<Zone>, Error> {
        self.read(|sql| hosts::zone_by_name(sql, &self.options, account, name))
    }

    fn zone(&self, account: &AccountId, id: &str) -> Result<Option<Zone>, Error> {
        self.read(|sql| hosts::zone(sql, account, id))
    }

    fn assign_zone(&self, account: &AccountId, name: &str, by: &Actor) -> Result<Zone, Error> {
        self.change(by, |change| hosts::assign(change, account, name))
    }

    fn release_zone(&self, account: &AccountId, id: &str, by: &Actor) -> Result<(), Error> {
        self.change(by, |change| hosts::release(change, account, id))
    }

    fn zone_routes(&self, account: &AccountId, zone: &str) -> Result<Vec<Route>, Error> {
        self.read(|sql| hosts::zone_routes(sql, account, zone))
    }

    fn routes(&self, key: &WorkerKey) -> Result<Vec<Route>, Error> {
        self.read(|sql| hosts::routes(sql, key))
    }

    fn set_routes(
        &self,
        key: &WorkerKey,
        routes: &[NewRoute],
        by: &Actor,
    ) -> Result<Vec<Route>, Error> {
        self.change(by, |change| hosts::set_routes(change, key, routes))
    }

    fn add_route(&self, key: &WorkerKey, route: &NewRoute, by: &Actor) -> Result<Route, Error> {
        self.change(by, |change| hosts::add_route(change, key, route))
    }

    fn replace_route(
        &self,
        id: &str,
        key: &WorkerKey,
        route: &NewRoute,
        by: &Actor,
    ) -> Result<(Route, WorkerKey), Error> {
        self.change(by, |change| {
            let before = hosts::delete_route(change, &key.account, id)?;
            Ok((hosts::add_route(change, key, route)?, before))
        })
    }

    fn delete_route(&self, account: &AccountId, id: &str, by: &Actor) -> Result<WorkerKey, Error> {
        self.change(by, |change| hosts::delete_route(change, account, id))
    }

    fn domains(&self, account: &AccountId) -> Result<Vec<Domain>, Error> {
        self.read(|sql| domains::list(sql, account))
    }

    fn set_domains(
        &self,
        key: &WorkerKey,
        domains: &[NewDomain],
        take_over: bool,
        by: &Actor,
    ) -> Result<(Vec<Domain>, Vec<WorkerKey>), Error> {
        self.change(by, |change| domains::set(change, key, domains, take_over))
    }

    fn delete_domain(&self, account: &AccountId, id: &str, by: &Actor) -> Result<WorkerKey, Error> {
        self.change(by, |change| domains::delete(change, account, id))
    }

    fn set_crons(&self, key: &WorkerKey, crons: &[String], by: &Actor) -> Result<(), Error> {
        self.change(by, |change| workers::set_crons(change, key, crons))
    }

    fn create_kv(
        &self,
        account: &AccountId,
        title: &str,
        by: &Actor,
    ) -> Result<KvNamespaceInfo, Error> {
        self.change(by, |change| kv::create(change, account, title))
    }

    fn kv_namespaces(&self, account: &AccountId) -> Result<Vec<KvNamespaceInfo>, Error> {
        self.read(|sql| kv::list(sql, account))
    }

    fn kv_namespace(
        &self,
        account: &AccountId,
        id: &str,
    ) -> Result<Option<KvNamespaceInfo>, Error> {
        self.read(|sql| kv::find(sql, account, id))
    }

    fn rename_kv(
        &self,
        account: &AccountId,
        id: &str,
        title: &str,
        by: &Actor,
    ) -> Result<(), Error> {
        self.change(by, |change| kv::rename(change, account, id, title))
    }

    fn delete_kv(&self, account: &AccountId, id: &str, by: &Actor) -> Result<(), Error> {
        self.change(by, |change| kv::delete(change, account, id))
    }

    fn create_assets_session(&self, session: AssetsSession) -> Result<(), Error> {
        self.change(&Actor::operator(), |change| assets::create_session(change, &session))
    }

    fn assets_session(&self, id: &str) -> Result<Option<AssetsSession>, Error> {
        let now = self.now();
        self.read(|sql| assets::session(sql, id, now))
    }

    fn known_assets(
        &self,
        account: &AccountId,
        hashes: &[&str],
    ) -> Result<BTreeMap<String, AssetEntry>, Error> {
        self.change(&Actor::operator(), |change| assets::known(change, account, hashes))
    }

    fn put_asset(&self, account: &AccountId, entry: &AssetEntry) -> Result<(), Error> {
        self.blobs.check(&entry.blob)?;
        self.change(&Actor::operator(), |change| assets::put(change, account, entry))
    }

    fn put_blob(&self, content: &[u8]) -> Result<BlobHash, Error> {
        self.blobs.put(content)
    }

    fn blob(&self, hash: &BlobHash) -> Result<Bytes, Error> {
        self.blobs.get(hash)
    }

    fn storage_bytes(&self, account: &AccountId) -> Result<u64, Error> {
        self.read(|sql| assets::storage_bytes(sql, account))
    }

    fn collect_garbage(&self) -> Result<u64, Error> {
        self.change(&Actor::operator(), assets::forget_unneeded)?;
        // Blobs that nobody needs yet may be part of an upload, so young ones stay.
        self.blobs.collect(self.now(), |hash| self.read(|sql| assets::is_needed(sql, hash)))
    }

    fn audit(&self, account: Option<&AccountId>, limit: u32) -> Result<Vec<AuditRow>, Error> {
        self.read(|sql| audit::list(sql, account, limit))
    }
}
