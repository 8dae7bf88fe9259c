//! Between a row and what it means.

use std::time::{Duration, SystemTime};

use sea_orm::DbErr;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    ChangeKind, NewTenant, RecordedChange, Revision, TenantRecord, TenantUpdate, UrlKeys,
    entity::{change, tenant},
    keys::hexadecimal,
};
use crate::{
    ConnectionEntry, ConnectionInfo, Placement, TenantError, TenantId, TenantInfo, TenantStatus,
};

const MAX_NAME: usize = 200;
const MAX_PLAN: usize = 100;
const MAX_METADATA: usize = 16 * 1024;

/// The row of a tenant that is not there yet.
pub(super) fn of_new(new: &NewTenant, keys: &UrlKeys) -> Result<tenant::Model, TenantError> {
    let info = &new.info;
    check_name(&info.id, &info.name)?;
    check_plan(&info.id, info.plan.as_deref())?;
    info.check_beginning()?;
    let mut row = tenant::Model {
        id: info.id.to_string(),
        name: info.name.clone(),
        status: info.status.as_str().to_owned(),
        plan: info.plan.clone(),
        metadata: written(&info.id, &info.metadata)?,
        url_sealed: String::new(),
        schema: String::new(),
        placement: String::new(),
        place: String::new(),
        revision: 0,
        created_at: 0,
        updated_at: 0,
    };
    place(&mut row, &info.id, &new.connection, keys)?;
    Ok(row)
}

/// What can be said about an update without knowing the tenant.
pub(super) fn check(id: &TenantId, update: &TenantUpdate) -> Result<(), TenantError> {
    if let Some(name) = &update.name {
        check_name(id, name)?;
    }
    check_plan(id, update.plan.as_ref().and_then(Option::as_deref))
}

/// The row as it is after an update.
pub(super) fn updated(
    mut row: tenant::Model,
    id: &TenantId,
    update: TenantUpdate,
    keys: &UrlKeys,
) -> Result<tenant::Model, TenantError> {
    if let Some(name) = update.name {
        row.name = name;
    }
    if let Some(plan) = update.plan {
        row.plan = plan;
    }
    if let Some(patch) = update.metadata {
        let mut metadata = metadata(id, &row.metadata)?;
        merge(&mut metadata, patch);
        row.metadata = written(id, &metadata)?;
    }
    if let Some(to) = update.status {
        let from = status(id, &row.status)?;
        if !from.may_become(to) {
            return Err(TenantError::IllegalStatusChange {
                tenant: id.clone(),
                from,
                to: to.as_str(),
            });
        }
        row.status = to.as_str().to_owned();
    }
    if let Some(connection) = update.connection {
        place(&mut row, id, &connection, keys)?;
    }
    if let Some(entry) = update.place {
        let connection = changed(&row, id, entry, keys)?;
        place(&mut row, id, &connection, keys)?;
    }
    Ok(row)
}

/// What a row says about its tenant.
pub(super) fn record(id: &TenantId, row: &tenant::Model) -> Result<TenantRecord, TenantError> {
    let mut info = TenantInfo::active(id.clone()).with_name(&row.name);
    info.status = status(id, &row.status)?;
    info.plan.clone_from(&row.plan);
    info.metadata = metadata(id, &row.metadata)?;
    info.created_at = time(row.created_at);
    info.updated_at = time(row.updated_at);
    Ok(TenantRecord {
        info,
        revision: row.revision.into(),
    })
}

/// Where a row says that its tenant is.
pub(super) fn connection(
    id: &TenantId,
    row: &tenant::Model,
    keys: &UrlKeys,
) -> Result<ConnectionInfo, TenantError> {
    let url = keys.open(id, &row.url_sealed)?;
    let placement: Placement = row.placement.parse().map_err(|_| {
        TenantError::invalid_entry(id, "its placement is neither shared nor dedicated")
    })?;
    ConnectionInfo::of_parts(&url, &row.schema, placement)
        .map_err(|error| TenantError::invalid_entry(id, error.to_string()))
}

pub(super) fn recorded(row: &change::Model) -> Result<RecordedChange, TenantError> {
    let tenant: TenantId = row.tenant.parse()?;
    match ChangeKind::of_word(&row.kind) {
        Some(kind) => Ok(RecordedChange {
            revision: Revision::from(row.revision),
            tenant,
            kind,
        }),
        None => Err(TenantError::invalid_entry(
            &tenant,
            "a change of it is of no known kind",
        )),
    }
}

/// Now, in milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| since.as_millis().try_into().ok())
        .unwrap_or_default()
}

pub(super) fn unavailable(error: DbErr) -> TenantError {
    TenantError::store_unavailable(error)
}

fn place(
    row: &mut tenant::Model,
    id: &TenantId,
    connection: &ConnectionInfo,
    keys: &UrlKeys,
) -> Result<(), TenantError> {
    row.url_sealed = keys.seal(id, connection.url())?;
    row.schema = connection.schema().to_string();
    row.placement = connection.placement().as_str().to_owned();
    row.place = hash(connection);
    Ok(())
}

/// Where the tenant is after a change of its place.
fn changed(
    row: &tenant::Model,
    id: &TenantId,
    entry: ConnectionEntry,
    keys: &UrlKeys,
) -> Result<ConnectionInfo, TenantError> {
    let changed = match connection(id, row, keys) {
        Ok(current) => entry.change(id, &current),
        // What it replaces need not be readable: so a tenant is saved whose key is lost.
        Err(_) if entry.is_whole() => entry.place(id, None),
        Err(unreadable) => return Err(unreadable),
    };
    changed.map_err(|error| TenantError::entry_refused(id, error.to_string()))
}

fn hash(connection: &ConnectionInfo) -> String {
    hexadecimal(&Sha256::digest(connection.place()))
}

fn check_name(id: &TenantId, name: &str) -> Result<(), TenantError> {
    if name.is_empty() || name.chars().count() > MAX_NAME || name.contains('\0') {
        return Err(TenantError::entry_refused(
            id,
            format!(
                "its name is not of 1 to {MAX_NAME} characters, none of them NUL; give it such a one"
            ),
        ));
    }
    Ok(())
}

fn check_plan(id: &TenantId, plan: Option<&str>) -> Result<(), TenantError> {
    match plan {
        Some(plan) if plan.chars().count() > MAX_PLAN || plan.contains('\0') => {
            Err(TenantError::entry_refused(
                id,
                format!(
                    "its plan is not of at most {MAX_PLAN} characters, none of them NUL; shorten it"
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn written(id: &TenantId, metadata: &Map<String, Value>) -> Result<String, TenantError> {
    match serde_json::to_string(metadata) {
        Ok(json) if json.len() <= MAX_METADATA => Ok(json),
        _ => Err(TenantError::entry_refused(
            id,
            format!("its metadata is more than {MAX_METADATA} bytes of JSON; keep less of it here"),
        )),
    }
}

fn metadata(id: &TenantId, json: &str) -> Result<Map<String, Value>, TenantError> {
    serde_json::from_str(json)
        .map_err(|_| TenantError::invalid_entry(id, "its metadata is no JSON object"))
}

fn status(id: &TenantId, word: &str) -> Result<TenantStatus, TenantError> {
    word.parse()
        .map_err(|_| TenantError::invalid_entry(id, "its status is none that there is"))
}

fn time(milliseconds: i64) -> Option<SystemTime> {
    let since = Duration::from_millis(milliseconds.try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// RFC 7396.
fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(patch) => {
                let member = target.entry(name).or_insert(Value::Null);
                if !member.is_object() {
                    *member = Value::Object(Map::new());
                }
                if let Value::Object(member) = member {
                    merge(member, patch);
                }
            }
            value => {
                target.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_patch_merges_as_in_rfc_7396() {
        for (target, patch, merged) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (
                json!({"a":{"b":"c"}}),
                json!({"a":{"b":"d","c":null}}),
                json!({"a":{"b":"d"}}),
            ),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (
                json!({}),
                json!({"a":{"bb":{"ccc":null}}}),
                json!({"a":{"bb":{}}}),
            ),
        ] {
            let mut target = object(target);
            merge(&mut target, object(patch));
            assert_eq!(Value::Object(target), merged);
        }
    }
}
