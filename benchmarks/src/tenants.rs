//! A database with many tenants, all alike.

use std::time::{Duration, Instant};

use sea_orm::{
    ConnectOptions,
    sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection},
};
use tenant_core::{DatabaseRoles, DatabaseUrl, MemoryStore, SchemaName, TenantId};
use tokio::{sync::OnceCell, task::JoinSet};
use url::Url;

use crate::{
    BoxError,
    library::{AUTHORS, BOOKS},
    server::Server,
};

const NAME: &str = "tenants_benchmark";
/// Made in one transaction, which holds a lock of each of their relations.
const TOGETHER: usize = 50;
const MAKERS: usize = 2;
/// A login that may take roles, and nothing else.
const LOGIN: &str = "without_rights";

/// The tenants, and where they are.
#[derive(Debug)]
pub struct Tenants {
    pub server: Server,
    url: Url,
    ids: Vec<TenantId>,
    have_roles: OnceCell<()>,
}

impl Tenants {
    /// Makes so many, and says how long it took.
    ///
    /// # Errors
    ///
    /// The server's.
    pub async fn create(server: Server, count: usize) -> Result<(Self, Duration), BoxError> {
        let begun = Instant::now();
        let ids = (0..count).map(id).collect::<Result<Vec<_>, BoxError>>()?;
        let url = server.create_database(NAME).await?;
        let mut makers = JoinSet::new();
        for maker in 0..MAKERS {
            let batches: Vec<Vec<TenantId>> = ids
                .chunks(TOGETHER)
                .skip(maker)
                .step_by(MAKERS)
                .map(<[TenantId]>::to_vec)
                .collect();
            makers.spawn(make(url.clone(), batches));
        }
        while let Some(made) = makers.join_next().await {
            made??;
        }
        // What the making has left to do is not done while something is measured.
        server.execute("CHECKPOINT".to_owned()).await?;
        let tenants = Self {
            server,
            url,
            ids,
            have_roles: OnceCell::new(),
        };
        Ok((tenants, begun.elapsed()))
    }

    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    #[must_use]
    pub fn ids(&self) -> &[TenantId] {
        &self.ids
    }

    /// In the order of their numbers.
    pub fn schemas(&self) -> impl Iterator<Item = SchemaName> {
        self.ids.iter().map(SchemaName::for_tenant)
    }

    /// The URL for connections that can be told from others by this name.
    #[must_use]
    pub fn url(&self, application: &str) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut()
            .append_pair("application_name", application);
        url
    }

    /// SeaORM's options for that URL, as they are by default but for the number of connections.
    #[must_use]
    pub fn options(&self, application: &str, connections: u32) -> ConnectOptions {
        let mut options = ConnectOptions::new(self.url(application));
        options.max_connections(connections);
        options
    }

    /// All of them, in a database that is reached by that URL.
    ///
    /// # Errors
    ///
    /// The store's.
    pub fn store(&self, url: &DatabaseUrl) -> Result<MemoryStore, BoxError> {
        let store = MemoryStore::new();
        for id in &self.ids {
            store.add(id.clone(), url)?;
        }
        Ok(store)
    }

    /// Gives each of them a database role, if they have none, which a login without other rights may
    /// take: [`log_in_without_rights`].
    ///
    /// # Errors
    ///
    /// The server's.
    pub async fn give_roles(&self) -> Result<DatabaseRoles, BoxError> {
        let roles = DatabaseRoles::new("benchmark")?;
        let give = async {
            let mut db = PgConnection::connect(self.url.as_str()).await?;
            let make = format!(
                "DROP ROLE IF EXISTS {LOGIN}; CREATE ROLE {LOGIN} LOGIN NOINHERIT PASSWORD '{LOGIN}'"
            );
            db.execute(AssertSqlSafe(make)).await?;
            for batch in self.ids.chunks(TOGETHER) {
                let mut statements = String::new();
                for schema in batch.iter().map(SchemaName::for_tenant) {
                    let role = roles.of_schema(&schema)?;
                    statements.push_str(&format!(
                        r#"
                        CREATE ROLE "{role}" NOLOGIN;
                        GRANT "{role}" TO {LOGIN};
                        GRANT USAGE ON SCHEMA "{schema}" TO "{role}";
                        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{schema}" TO "{role}";
                        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "{schema}" TO "{role}";
                        "#
                    ));
                }
                db.execute(AssertSqlSafe(statements)).await?;
            }
            db.close().await?;
            Ok::<_, BoxError>(())
        };
        self.have_roles.get_or_try_init(|| give).await?;
        Ok(roles)
    }

    /// # Errors
    ///
    /// The server's.
    pub async fn drop(self) -> Result<(), BoxError> {
        self.server.drop_database(NAME).await
    }
}

/// Makes a URL that of a login that may only take the roles of [`Tenants::give_roles`].
///
/// # Errors
///
/// That the URL can name nobody.
pub fn log_in_without_rights(url: &mut Url) -> Result<(), BoxError> {
    let named = url.set_username(LOGIN);
    let named = named.and_then(|()| url.set_password(Some(LOGIN)));
    named.map_err(|()| "the URL can name no user".into())
}

fn id(number: usize) -> Result<TenantId, BoxError> {
    Ok(TenantId::try_from(format!("tenant-{number:05}"))?)
}

async fn make(url: Url, batches: Vec<Vec<TenantId>>) -> Result<(), BoxError> {
    let mut db = PgConnection::connect(url.as_str()).await?;
    for batch in batches {
        let statements: String = batch
            .iter()
            .map(|id| tables(&SchemaName::for_tenant(id)))
            .collect();
        // Without parameters, it is one transaction.
        db.execute(AssertSqlSafe(statements)).await?;
    }
    Ok(db.close().await?)
}

fn tables(schema: &SchemaName) -> String {
    format!(
        r#"
        CREATE SCHEMA "{schema}";
        CREATE TABLE "{schema}".author (id integer PRIMARY KEY, name varchar(100) NOT NULL);
        CREATE TABLE "{schema}".book (id integer PRIMARY KEY, title varchar(100) NOT NULL,
            author_id integer NOT NULL, year integer NOT NULL, shelf varchar(20));
        CREATE TABLE "{schema}".loan (id integer PRIMARY KEY, book_id integer NOT NULL,
            member varchar(100) NOT NULL);
        CREATE TABLE "{schema}".visit (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
            member varchar(100) NOT NULL);
        INSERT INTO "{schema}".author SELECT n, 'Author ' || n FROM generate_series(1, {AUTHORS}) n;
        INSERT INTO "{schema}".book SELECT n, 'Book ' || n, n % {AUTHORS} + 1, 1900 + n, 'A' || n
            FROM generate_series(1, {BOOKS}) n;
        INSERT INTO "{schema}".loan SELECT n, n, 'Member ' || n FROM generate_series(1, {BOOKS}) n;
        "#
    )
}
