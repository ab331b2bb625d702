//! Durable Objects of all accounts: their namespaces, their alarms, and what an
//! upload changes of them. A script in the catalog is `ACCOUNT/NAME`.

use std::sync::Arc;

use selvedge_api::host::{
    Commit, HostError, Migrations, ObjectEntry, ObjectNamespace, ObjectsBinding, ObjectsChange,
    ObjectsChanged, ObjectsPage, ObjectsRefusal,
};
use selvedge_deployments::{AccountId, WorkerKey};
use selvedge_durable::catalog::{ApplyError, NamespaceInfo, Strictness};
use selvedge_durable::config::{
    BindingConfig, Config, Lifecycle, Migration, Misfit, Rename, Storage, Transfer, read_exports,
};
use selvedge_durable::store::{ObjectId, ObjectQuery};

use super::core::Core;
use super::env::qualified;
use crate::backends::{BackendError, Objects};

fn internal(error: impl std::fmt::Display) -> HostError {
    HostError::Internal(error.to_string())
}

/// Looks after the alarms of all objects.
pub(super) fn watch_alarms(core: &Core) -> Result<(), BackendError> {
    for namespace in core.backends.objects()?.catalog().list()? {
        core.alarms.watch(core.backends.durable(&namespace.script, &namespace.class)?);
    }
    Ok(())
}

fn objects(core: &Core) -> Result<Arc<Objects>, HostError> {
    core.backends.objects().map_err(internal)
}

/// The last migration of a Worker that was taken.
pub(super) fn migration_tag(core: &Core, worker: &WorkerKey) -> Result<Option<String>, HostError> {
    objects(core)?.catalog().migration_tag(&worker.to_string()).map_err(internal)
}

/// Changes a Worker's classes, or tells whether that would work.
pub(super) fn change(
    core: &Core,
    worker: &WorkerKey,
    change: &ObjectsChange,
    commit: Commit,
) -> Result<ObjectsChanged, ObjectsRefusal> {
    let of = objects(core).map_err(ObjectsRefusal::Host)?;
    let prefix = format!("{}/", worker.account);
    let shown = |text: &str| text.replace(&prefix, "");
    let by_exports = change.exports.is_some();
    let refused = |misfit: Misfit| {
        let message = shown(&misfit.message);
        match misfit.place.key {
            "durable_objects" => ObjectsRefusal::NoClass(message),
            _ if by_exports => ObjectsRefusal::Exports(message),
            _ => ObjectsRefusal::Migrations(message),
        }
    };
    let lifecycle = match (&change.exports, &change.migrations) {
        (Some(exports), _) => Lifecycle::Exports(read_exports(exports).map_err(refused)?),
        (None, Some(migrations)) => Lifecycle::Migrations(steps(worker, migrations)),
        (None, None) => Lifecycle::default(),
    };
    let bindings = change.bindings.iter().map(|it| binding(worker, it)).collect();
    let config = Config { bindings, lifecycle };
    let script = worker.to_string();
    let catalog = of.catalog();
    let applied = match commit {
        Commit::No => catalog.would_apply(&script, &config, Strictness::Strict),
        Commit::Yes => catalog.apply(&script, &config, Strictness::Strict),
    };
    let notes = applied.map_err(|error| match error {
        ApplyError::Refused(misfit) => refused(misfit),
        ApplyError::Store(error) => ObjectsRefusal::Host(internal(error)),
    })?;
    if commit == Commit::Yes {
        follow(core, &of).map_err(ObjectsRefusal::Host)?;
    }
    let notes = notes.iter().map(|note| shown(note)).collect();
    Ok(ObjectsChanged { reconciliation: None, notes })
}

/// The steps as the catalog takes them: the last one has the new tag.
fn steps(worker: &WorkerKey, migrations: &Migrations) -> Vec<Migration> {
    let mut all = Vec::new();
    if let Some(tag) = &migrations.old_tag {
        // It was taken: what follows is new.
        all.push(Migration { tag: tag.clone(), ..Migration::default() });
    }
    let last = migrations.steps.len();
    for (index, step) in migrations.steps.iter().enumerate() {
        let new_tag = migrations.new_tag.clone().unwrap_or_default();
        let is_last = index + 1 == last;
        let renamed =
            |it: &selvedge_api::host::Renamed| Rename { from: it.from.clone(), to: it.to.clone() };
        let transferred = |it: &selvedge_api::host::Transferred| Transfer {
            from: it.from.clone(),
            from_script: qualified(worker, Some(&it.from_script)),
            to: it.to.clone(),
        };
        all.push(Migration {
            tag: if is_last { new_tag } else { format!("{new_tag} step {index}") },
            new_classes: step.new_classes.clone(),
            new_sqlite_classes: step.new_sqlite_classes.clone(),
            renamed_classes: step.renamed_classes.iter().map(renamed).collect(),
            deleted_classes: step.deleted_classes.clone(),
            transferred_classes: step.transferred_classes.iter().map(transferred).collect(),
        });
    }
    all
}

fn binding(worker: &WorkerKey, binding: &ObjectsBinding) -> BindingConfig {
    BindingConfig {
        name: binding.name.clone(),
        class_name: binding.class.clone(),
        script_name: Some(qualified(worker, binding.script.as_deref())),
        environment: None,
    }
}

/// Looks after the alarms of namespaces that are new or have moved, and deletes
/// the objects of those that are gone.
fn follow(core: &Core, objects: &Objects) -> Result<(), HostError> {
    let all = objects.catalog().list().map_err(internal)?;
    core.alarms.retain(|id| all.iter().any(|namespace| namespace.id == id));
    for namespace in &all {
        if !core.alarms.watches(&namespace.id, &namespace.script, &namespace.class) {
            let binding = core.backends.durable(&namespace.script, &namespace.class);
            core.alarms.watch(binding.map_err(internal)?);
        }
    }
    objects.delete_removed().map_err(internal)
}

/// The Worker was deleted: its namespaces go with all objects.
pub(super) fn forget(core: &Core, worker: &WorkerKey) -> Result<(), HostError> {
    let of = objects(core)?;
    of.catalog().forget(&worker.to_string()).map_err(internal)?;
    follow(core, &of)
}

fn own(core: &Core, account: &AccountId) -> Result<Vec<NamespaceInfo>, HostError> {
    let prefix = format!("{account}/");
    let all = objects(core)?.catalog().list().map_err(internal)?;
    Ok(all.into_iter().filter(|namespace| namespace.script.starts_with(&prefix)).collect())
}

/// The namespaces of an account.
pub(super) fn namespaces(
    core: &Core,
    account: &AccountId,
) -> Result<Vec<ObjectNamespace>, HostError> {
    let shown = |namespace: NamespaceInfo| {
        let script = namespace.script.split_once('/').map_or("", |(_, name)| name).to_owned();
        ObjectNamespace {
            name: format!("{script}_{}", namespace.class),
            id: namespace.id,
            script,
            class: namespace.class,
            use_sqlite: namespace.storage == Storage::Sqlite,
        }
    };
    Ok(own(core, account)?.into_iter().map(shown).collect())
}

/// Objects of a namespace of an account.
pub(super) fn page(
    core: &Core,
    account: &AccountId,
    namespace: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Option<ObjectsPage>, HostError> {
    let own = own(core, account)?;
    let Some(found) = own.iter().find(|other| other.id == namespace) else { return Ok(None) };
    let binding = core.backends.durable(&found.script, &found.class).map_err(internal)?;
    let Some(data) = binding.storage() else { return Ok(Some(ObjectsPage::default())) };
    let after = after.and_then(|id| id.parse::<ObjectId>().ok());
    let query = ObjectQuery { after, name_prefix: None, limit };
    let page = data.namespace.list_objects(&query).map_err(internal)?;
    let facets = data.namespace.known_facets().map_err(internal)?;
    let entry = |info: &selvedge_durable::store::ObjectInfo| {
        let id = info.id.to_string();
        let of_object = facets.as_ref().map_or(Ok(Vec::new()), |facets| facets.of_object(&id));
        let of_object = of_object.map_err(internal)?;
        let facets = of_object.into_iter().map(|(names, _)| names).collect();
        Ok(ObjectEntry { id, has_stored_data: true, facets })
    };
    let objects = page.objects.iter().map(entry).collect::<Result<_, HostError>>()?;
    Ok(Some(ObjectsPage { objects, complete: page.complete }))
}
