//! What an upload says of Durable Objects.

use selvedge_deployments::{BindingKind, NewVersion, WorkerKey};

use crate::Inner;
use crate::error::ApiError;
use crate::host::{Migrations, ObjectsBinding, ObjectsChange};

/// The change that a version asks for.
pub(crate) fn change_of(version: &NewVersion, migrations: Option<Migrations>) -> ObjectsChange {
    let bindings = version.content.bindings.iter().filter_map(|binding| match &binding.kind {
        BindingKind::Objects { class, script } => Some(ObjectsBinding {
            name: binding.name.clone(),
            class: class.clone(),
            script: script.clone(),
        }),
        _ => None,
    });
    ObjectsChange {
        migrations,
        exports: version.content.exports.clone(),
        bindings: bindings.collect(),
    }
}

/// Whether there is anything to do or to check.
pub(super) fn is_empty(change: &ObjectsChange) -> bool {
    change.migrations.is_none() && change.exports.is_none() && change.bindings.is_empty()
}

/// The migrations that are to be taken: `None` if they were already.
pub(super) fn pending(
    inner: &Inner,
    key: &WorkerKey,
    migrations: Option<Migrations>,
) -> Result<Option<Migrations>, ApiError> {
    let Some(migrations) = migrations else { return Ok(None) };
    let current = inner.host.migration_tag(key)?;
    if migrations.new_tag.is_some() && migrations.new_tag == current {
        return Ok(None);
    }
    if migrations.old_tag.is_some() && migrations.old_tag != current {
        let text = format!(
            "Migration tag precondition failed; current tag is '{}'",
            current.unwrap_or_default()
        );
        return Err(ApiError::new(http::StatusCode::PRECONDITION_FAILED, 10079, text));
    }
    if migrations.new_tag.as_deref().is_none_or(str::is_empty) {
        return Err(ApiError::bad(10074, "the migrations have no new_tag"));
    }
    Ok(Some(migrations))
}
