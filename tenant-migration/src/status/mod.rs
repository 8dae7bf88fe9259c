//! Which tenants are behind: some hundred schemas of a database in one statement.

mod mysql;
mod postgres;
mod sqlite;

use std::{collections::HashMap, fmt, sync::Arc};

use futures_util::{StreamExt as _, stream};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use tenant_core::{
    ConnectionInfo, DatabaseUrl, PlacedTenant, SchemaName, TenantDirectory, TenantError, TenantId,
    TenantStatus,
};

use crate::{Fleet, MigrationError, Selection, fleet::has_schema, names::quoted};

/// How a tenant's schema stands to the migrations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SchemaStatus {
    /// The tenant.
    pub tenant: TenantId,
    /// Its status, if the registry knows it: its entry may make no sense.
    pub status: Option<TenantStatus>,
    /// How its schema stands.
    pub version: SchemaVersion,
    pub(crate) place: Option<Arc<ConnectionInfo>>,
}

impl SchemaStatus {
    /// The status, if there is no schema to keep up to date in it.
    pub(crate) fn out_of_service(&self) -> Option<TenantStatus> {
        self.status.filter(|status| !has_schema(*status))
    }
}

/// How a schema stands to the migrations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SchemaVersion {
    /// All are applied.
    UpToDate,
    /// These are not.
    Behind(Vec<Arc<str>>),
    /// It has some that this program does not know.
    Ahead(Vec<Arc<str>>),
    /// There is no such schema.
    Missing,
    /// It could not be looked at.
    Unreadable(MigrationError),
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// How the schemas of a selection stand, in the order of the tenants' ids. Nothing is created, and
    /// on PostgreSQL and MySQL there is one connection for each database, and a statement for each 250
    /// or 100 tenants in it. Files of SQLite are opened one by one.
    ///
    /// # Errors
    ///
    /// Those of [`tenants`](Self::tenants). What is wrong with one tenant, or with one database, is
    /// said with the tenants.
    pub async fn status(&self, selection: &Selection) -> Result<Vec<SchemaStatus>, MigrationError> {
        Ok(self.status_of(self.tenants(selection).await?).await)
    }

    pub(crate) async fn status_of(&self, tenants: Vec<PlacedTenant>) -> Vec<SchemaStatus> {
        let mut databases: HashMap<DatabaseUrl, Vec<Arc<ConnectionInfo>>> = HashMap::new();
        for place in tenants
            .iter()
            .filter(|tenant| tenant.info.is_ok())
            .filter_map(|tenant| tenant.connection.as_ref().ok())
        {
            let places = databases.entry(place.url().clone()).or_default();
            places.push(Arc::clone(place));
        }
        let found: HashMap<Key, Found> = stream::iter(databases)
            .map(|(url, places)| async move { self.look(&url, places).await })
            .buffer_unordered(self.settings().workers)
            .flat_map(stream::iter)
            .collect()
            .await;
        let status = tenants.into_iter().map(|tenant| {
            let status = tenant.info.as_ref().ok().map(|info| info.status);
            let (version, place) = match tenant.info.and(tenant.connection) {
                Ok(place) => (self.version(found.get(&key(&place))), Some(place)),
                Err(error) => (SchemaVersion::Unreadable(error.into()), None),
            };
            SchemaStatus {
                tenant: tenant.id,
                status,
                version,
                place,
            }
        });
        status.collect()
    }

    async fn look(&self, url: &DatabaseUrl, places: Vec<Arc<ConnectionInfo>>) -> Vec<(Key, Found)> {
        let (tenancy, migrations) = (self.tenancy(), self.migrations());
        let table = migrations.table();
        match url.backend() {
            DbBackend::Postgres => postgres::look(tenancy, url, &places, table).await,
            DbBackend::MySql => mysql::look(tenancy, url, &places, migrations).await,
            _ => sqlite::look(tenancy, &places, migrations).await,
        }
    }

    fn version(&self, found: Option<&Found>) -> SchemaVersion {
        let migrations = self.migrations();
        let applied: &[String] = match found {
            Some(Found::Applied(applied)) => applied,
            Some(Found::NoTable) => &[],
            Some(Found::Unreadable(error)) => return SchemaVersion::Unreadable(error.clone()),
            Some(Found::NoSchema) | None => return SchemaVersion::Missing,
        };
        match migrations.pending(applied) {
            Ok(pending) if pending.is_empty() => SchemaVersion::UpToDate,
            Ok(pending) => {
                let names = pending
                    .iter()
                    .map(|place| Arc::clone(&migrations.names()[*place]));
                SchemaVersion::Behind(names.collect())
            }
            Err(_) => SchemaVersion::Ahead(migrations.unknown(applied)),
        }
    }
}

/// What was found where a tenant's schema should be.
#[derive(Clone, Debug)]
enum Found {
    NoSchema,
    NoTable,
    Applied(Vec<String>),
    Unreadable(MigrationError),
}

/// What tells places apart.
type Key = (DatabaseUrl, SchemaName);

fn key(place: &ConnectionInfo) -> Key {
    (place.url().clone(), place.schema().clone())
}

fn all_unreadable(
    places: &[Arc<ConnectionInfo>],
    error: impl Into<MigrationError>,
) -> Vec<(Key, Found)> {
    let error = error.into();
    let unreadable = |place| (key(place), Found::Unreadable(error.clone()));
    places.iter().map(|place| unreadable(place)).collect()
}

/// Looks at many schemas at once, and where that fails, at half as many: so one that cannot be read
/// hides no other.
async fn in_chunks<L>(
    places: &[Arc<ConnectionInfo>],
    chunk: usize,
    look: impl Fn(Vec<Arc<ConnectionInfo>>) -> L,
) -> Vec<(Key, Found)>
where
    L: Future<Output = Result<Vec<(Key, Found)>, DbErr>>,
{
    let mut found = Vec::with_capacity(places.len());
    let mut chunks: Vec<Vec<_>> = places.chunks(chunk).map(<[_]>::to_vec).collect();
    while let Some(mut chunk) = chunks.pop() {
        match look(chunk.clone()).await {
            Ok(read) => found.extend(read),
            Err(error)
                if chunk.len() == 1 || TenantError::from(error.clone()).is_connection_failure() =>
            {
                found.extend(all_unreadable(&chunk, error));
            }
            Err(_) => {
                let half = chunk.split_off(chunk.len() / 2);
                chunks.extend([chunk, half]);
            }
        }
    }
    found
}

/// What the tables of some schemas have, in one statement. It is another text each time.
async fn read(
    db: &DatabaseConnection,
    places: Vec<Arc<ConnectionInfo>>,
    table: &str,
) -> Result<Vec<(Key, Found)>, DbErr> {
    let backend = db.get_database_backend();
    let integer = match backend {
        DbBackend::MySql => "SIGNED",
        _ => "bigint",
    };
    let table = quoted(table, backend);
    let selects = places.iter().enumerate().map(|(number, place)| {
        let schema = place.schema().quoted(backend);
        // As rows: to make one of them takes PostgreSQL twice as long.
        format!("SELECT CAST({number} AS {integer}), version FROM {schema}.{table}")
    });
    let select = selects.collect::<Vec<_>>().join(" UNION ALL ");
    let rows = db
        .query_all_raw(Statement::from_string(backend, select))
        .await?;
    let mut applied: HashMap<i64, Vec<String>> = HashMap::new();
    for row in &rows {
        let versions = applied.entry(row.try_get_by_index(0)?).or_default();
        versions.push(row.try_get_by_index(1)?);
    }
    let found = places.iter().zip(0..).map(|(place, number)| {
        let applied = applied.remove(&number).unwrap_or_default();
        (key(place), Found::Applied(applied))
    });
    Ok(found.collect())
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpToDate => write!(f, "up to date"),
            Self::Behind(pending) => match pending.as_slice() {
                [one] => write!(f, "behind by {one}"),
                [first, ..] => write!(f, "behind by {}, from {first} on", pending.len()),
                [] => write!(f, "up to date"),
            },
            Self::Ahead(unknown) => write!(f, "ahead: it has {}", unknown.join(", ")),
            Self::Missing => write!(f, "there is no schema"),
            Self::Unreadable(error) => write!(f, "unreadable: {error}"),
        }
    }
}

impl Serialize for SchemaStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut status = serializer.serialize_struct("SchemaStatus", 4)?;
        status.serialize_field("tenant", &self.tenant)?;
        status.serialize_field("status", &self.status)?;
        let version = match &self.version {
            SchemaVersion::UpToDate => "up_to_date",
            SchemaVersion::Behind(_) => "behind",
            SchemaVersion::Ahead(_) => "ahead",
            SchemaVersion::Missing => "missing",
            SchemaVersion::Unreadable(_) => "unreadable",
        };
        status.serialize_field("schema", version)?;
        match &self.version {
            SchemaVersion::Behind(pending) => {
                status.serialize_field("pending", &texts(pending))?;
            }
            SchemaVersion::Ahead(unknown) => {
                status.serialize_field("unknown", &texts(unknown))?;
            }
            SchemaVersion::Unreadable(error) => {
                status.serialize_field("error", &error.to_string())?;
            }
            SchemaVersion::UpToDate | SchemaVersion::Missing => {}
        }
        status.end()
    }
}

fn texts(names: &[Arc<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}
