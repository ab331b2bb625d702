//! The calls of the store, one by one: which transaction each runs in.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    SqliteStore, accounts, assets, audit, domains, hosts, kv, resource_secrets, resources, secrets,
    tokens, versions, workers,
};
use crate::account::{Account, AccountChange, NewAccount};
use crate::assets::{AssetEntry, AssetsSession};
use crate::audit::{Actor, AuditRow};
use crate::deployment::{Deployment, NewDeployment};
use crate::error::Error;
use crate::ids::{AccountId, BlobHash, TokenId, VersionId, WorkerKey};
use crate::resource::{Resource, ResourceChange, ResourceKind};
use crate::secret::{EncryptedSecret, SecretText};
use crate::store::{DeploymentStore, Then};
use crate::token::{NewToken, Token, TokenSecret};
use crate::version::{NewVersion, Version, VersionSummary};
use crate::worker::{LiveWorker, WorkerInfo, WorkerSettings};
use crate::zone::{Domain, KvNamespaceInfo, NewDomain, NewRoute, Route, Zone};

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

    fn token_key(&self, id: &TokenId) -> Result<Option<(Token, Vec<u8>)>, Error> {
        let now = self.now();
        let found = self.read(|sql| tokens::key(sql, id, now))?;
        if let Some((token, _)) = &found
            && tokens::is_to_be_marked(token, now)
        {
            self.change(&Actor::operator(), |change| tokens::mark(change, &token.id))?;
        }
        Ok(found)
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
        self.change(by, |change| {
            Ok(secrets::reencrypt(change)? + resource_secrets::reencrypt(change)?)
        })
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

    fn create_resource(
        &self,
        kind: ResourceKind,
        new: Resource,
        by: &Actor,
    ) -> Result<Resource, Error> {
        self.change(by, |change| resources::create(change, kind, new))
    }

    fn set_resource_settings(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
        settings: &serde_json::Value,
        by: &Actor,
    ) -> Result<(), Error> {
        self.change(by, |change| resources::set_settings(change, account, kind, id, settings))
    }

    fn create_secret_resource(
        &self,
        kind: ResourceKind,
        new: Resource,
        secret: &SecretText,
        by: &Actor,
    ) -> Result<Resource, Error> {
        self.change(by, |change| resources::create_secret(change, kind, new, secret))
    }

    fn change_resource(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
        wanted: ResourceChange,
        by: &Actor,
    ) -> Result<Resource, Error> {
        self.change(by, |change| resources::change(change, account, kind, id, wanted))
    }

    fn resource_secret(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
    ) -> Result<Option<SecretText>, Error> {
        self.read(|sql| resource_secrets::open(sql, &self.options.keys, account, kind, id))
    }

    fn resources(&self, account: &AccountId, kind: ResourceKind) -> Result<Vec<Resource>, Error> {
        self.read(|sql| resources::list(sql, account, kind))
    }

    fn resource(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id_or_name: &str,
    ) -> Result<Option<Resource>, Error> {
        self.read(|sql| resources::find(sql, account, kind, id_or_name))
    }

    fn delete_resource(
        &self,
        account: &AccountId,
        kind: ResourceKind,
        id: &str,
        by: &Actor,
    ) -> Result<(), Error> {
        self.change(by, |change| resources::delete(change, account, kind, id))
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

    fn put_assets(&self, account: &AccountId, entries: &[AssetEntry]) -> Result<(), Error> {
        for entry in entries {
            self.blobs.check(&entry.blob)?;
        }
        self.change(&Actor::operator(), |change| assets::put(change, account, entries))
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
