//! The verbs of Durable Objects.

use selvedge_durable::DurableNamespace;
use selvedge_durable::catalog::NamespaceInfo;
use selvedge_durable::placement::ObjectKey;
use selvedge_durable::store::{
    Cursor, ListOptions, ObjectInfo, ObjectQuery, ObjectStorage, SqlValue,
};

use super::protocol::{
    AlarmChange, Base64, Cell, FacetEntry, Failure, FailureKind, NamespaceEntry, ObjectDetails,
    ObjectEntry, ObjectsPage, Reply, SqlRows, ValuesPage,
};
use super::{failure, no_storage};
use crate::backends::{BackendError, Backends};

/// Rows of a query, and values of a page, may have so many bytes: 64 MiB.
const MOST_BYTES: usize = 64 << 20;

pub(super) fn namespaces(backends: &Backends) -> Result<Reply, Failure> {
    let all = backends.objects()?.catalog().list().map_err(BackendError::from)?;
    let one = |info: NamespaceInfo| NamespaceEntry {
        id: info.id,
        script: info.script,
        class: info.class,
        storage: info.storage.as_str().to_owned(),
        created: info.created,
    };
    Reply::json(&all.into_iter().map(one).collect::<Vec<_>>())
}

pub(super) fn query(
    name_prefix: Option<String>,
    after: Option<&str>,
    limit: usize,
) -> Result<ObjectQuery, Failure> {
    let after = after.map(str::parse).transpose();
    let after = after.map_err(|_| Failure::new(FailureKind::Invalid, "no id of an object"))?;
    Ok(ObjectQuery { after, name_prefix, limit })
}

pub(super) fn page(
    backends: &Backends,
    info: &NamespaceInfo,
    namespace: &DurableNamespace,
    query: &ObjectQuery,
) -> Result<Reply, Failure> {
    let data = namespace.storage().ok_or_else(no_storage)?;
    let page = data.namespace.list_objects(query).map_err(failure)?;
    let objects = page.objects.iter().map(|it| entry(backends, info, namespace, it)).collect();
    Reply::json(&ObjectsPage { objects, complete: page.complete })
}

pub(super) fn entry(
    backends: &Backends,
    info: &NamespaceInfo,
    namespace: &DurableNamespace,
    object: &ObjectInfo,
) -> ObjectEntry {
    let id = selvedge_durable::ObjectId::from_bytes(object.id.0);
    let key = ObjectKey { namespace: namespace.id.clone(), id };
    ObjectEntry {
        id: object.id.to_string(),
        name: object.name.clone(),
        bytes: backends.object_bytes(&info.id, &object.id.to_string()),
        created: object.created,
        alarm: object.alarm,
        lives: namespace.placement.find(&key).is_some(),
        facets: facets(backends, info, namespace, &object.id.to_string()),
    }
}

/// Those of an object and below. What cannot be read is logged, and none.
fn facets(
    backends: &Backends,
    info: &NamespaceInfo,
    namespace: &DurableNamespace,
    object: &str,
) -> Vec<FacetEntry> {
    let Some(data) = namespace.storage() else { return Vec::new() };
    let found = match data.namespace.known_facets() {
        Ok(Some(facets)) => facets.of_object(object),
        Ok(None) => return Vec::new(),
        Err(error) => Err(error),
    };
    let found = found.unwrap_or_else(|error| {
        tracing::warn!(object, %error, "the facets of an object cannot be listed");
        Vec::new()
    });
    let entry = |(names, facet): (Vec<String>, ObjectInfo)| FacetEntry {
        names,
        bytes: backends.facet_bytes(&info.id, &facet.id.to_string()),
        created: facet.created,
    };
    found.into_iter().map(entry).collect()
}

pub(super) fn details(storage: &ObjectStorage, entry: ObjectEntry) -> Result<Reply, Failure> {
    let mut keys = 0;
    storage.list_with(&ListOptions::default(), |_, _| keys += 1).map_err(failure)?;
    let tables = tables(storage).map_err(failure)?;
    let database_bytes = storage.database_size().map_err(failure)?;
    Reply::json(&ObjectDetails { entry, keys, tables, database_bytes })
}

/// The names of the Worker's own tables.
fn tables(storage: &ObjectStorage) -> Result<Vec<String>, selvedge_durable::Error> {
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' \
                 ESCAPE '\\' ORDER BY name";
    let mut cursor = storage.exec(query, &[])?;
    let mut names = Vec::new();
    while let Some(row) = cursor.next_row()? {
        if let Some(SqlValue::Text(name)) = row.into_iter().next() {
            names.push(name);
        }
    }
    Ok(names)
}

pub(super) fn get(storage: &ObjectStorage, key: &str) -> Result<Reply, Failure> {
    let value = storage.get(key).map_err(failure)?;
    let json = value.is_some().into();
    Ok(Reply { json, bytes: value.unwrap_or_default().into() })
}

pub(super) fn range(
    prefix: Option<String>,
    start_after: Option<String>,
    limit: usize,
) -> ListOptions {
    ListOptions { prefix, start_after, limit: Some(limit), ..ListOptions::default() }
}

pub(super) fn values(storage: &ObjectStorage, options: &ListOptions) -> Result<Reply, Failure> {
    let mut entries = storage.list(options).map_err(failure)?;
    let mut complete = options.limit.is_none_or(|limit| entries.len() < limit);
    let mut bytes = 0;
    let fits = entries.iter().take_while(|(_, value)| {
        let had = bytes;
        bytes += value.len();
        had == 0 || bytes <= MOST_BYTES
    });
    let fits = fits.count();
    complete &= fits == entries.len();
    entries.truncate(fits);
    let entries = entries.into_iter().map(|(key, value)| (key, Base64(value))).collect();
    Reply::json(&ValuesPage { entries, complete })
}

pub(super) fn put(storage: &ObjectStorage, key: &str, value: &[u8]) -> Result<Reply, Failure> {
    storage.put(key, value).map_err(failure)?;
    Reply::json(&true)
}

pub(super) fn delete_key(storage: &ObjectStorage, key: &str) -> Result<Reply, Failure> {
    Reply::json(&storage.delete(key).map_err(failure)?)
}

pub(super) fn alarm(
    storage: &ObjectStorage,
    change: Option<AlarmChange>,
) -> Result<Reply, Failure> {
    match change {
        Some(AlarmChange::Set(time)) => storage.set_alarm(time).map_err(failure)?,
        Some(AlarmChange::Delete) => storage.delete_alarm().map_err(failure)?,
        None => {}
    }
    Reply::json(&storage.get_alarm().map_err(failure)?)
}

/// Runs a query. One that writes and must not is undone by who sees the failure.
pub(super) fn sql(storage: &ObjectStorage, query: &str, write: bool) -> Result<Reply, Failure> {
    let mut cursor = storage.exec(query, &[]).map_err(failure)?;
    let rows = rows(&mut cursor)?;
    drop(cursor);
    if storage.has_uncommitted() && !write {
        return Err(Failure::new(
            FailureKind::Writes,
            "nothing was changed: this query writes\nhint: --write says that you mean it",
        ));
    }
    Reply::json(&rows)
}

fn rows(cursor: &mut Cursor) -> Result<SqlRows, Failure> {
    let mut rows = Vec::new();
    let mut bytes = 0;
    while let Some(row) = cursor.next_row().map_err(failure)? {
        let of = |value: &SqlValue| match value {
            SqlValue::Text(text) => text.len(),
            SqlValue::Blob(blob) => blob.len(),
            _ => 8,
        };
        bytes += 32 + row.iter().map(of).sum::<usize>();
        if bytes > MOST_BYTES {
            return Err(Failure::new(
                FailureKind::Invalid,
                format!(
                    "the rows are more than {} MiB\nhint: ask for fewer, with LIMIT",
                    MOST_BYTES >> 20
                ),
            ));
        }
        rows.push(row.into_iter().map(Cell::from).collect());
    }
    let (columns, written) = (cursor.columns().to_vec(), cursor.rows_written());
    Ok(SqlRows { columns, rows, written })
}
