use std::{collections::HashMap, fmt, sync::Arc};

use fastrand::Rng;
use futures_util::future::BoxFuture;
use sea_orm::{ColumnTrait, Database, DbBackend};
use tenant_core::{SchemaName, Tenancy, TenantConnection, TenantError, TenantId, TenantScoped};

use super::{
    LeakCheck, Mark, Owner,
    marks::Marks,
    plant::{self, Table, Values},
    recorded::{self, Judge, Recorder},
    snapshot::Place,
};
use crate::{TestTenants, TestkitError, database::plain};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Plant =
    Arc<dyn Fn(TenantConnection, Mark) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// Settings of a [`LeakCheck`].
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct LeakCheckBuilder {
    visited: Vec<String>,
    entities: Vec<Table>,
    tables: Vec<String>,
    values: Values,
    plant: Option<Plant>,
    has_tables: bool,
    seed: u64,
    rounds: usize,
}

impl Default for LeakCheckBuilder {
    fn default() -> Self {
        Self {
            visited: vec!["acme".to_owned(), "globex".to_owned()],
            entities: Vec::new(),
            tables: Vec::new(),
            values: Values::new(),
            plant: None,
            has_tables: false,
            seed: 1,
            rounds: 40,
        }
    }
}

/// It is planted like the others, and nobody visits it.
const BYSTANDER: &str = "bystander";

impl LeakCheckBuilder {
    /// Plants rows in the table of an entity, and looks at it. Name entities after those that they
    /// refer to.
    pub fn entity<E: TenantScoped>(mut self, _entity: E) -> Self {
        let table = Table::of::<E>();
        self.tables.push(table.name.clone());
        self.entities.push(table);
        self
    }

    /// What a column is planted with: an SQL expression. For columns that cannot have what their type
    /// can: of a domain, with a check, or that refer to a shared table.
    pub fn value(mut self, column: impl ColumnTrait, sql: impl Into<String>) -> Self {
        self.values.insert(plant::key(column), sql.into());
        self
    }

    /// Looks at a table that has no entity.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.tables.push(name.into());
        self
    }

    /// Plants rows by hand, after those of the entities: with the mark's text, and its ids. It is
    /// called for each tenant, and for the default schema.
    pub fn plant(
        mut self,
        plant: impl Fn(TenantConnection, Mark) -> BoxFuture<'static, Result<(), BoxError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.plant = Some(Arc::new(plant));
        self
    }

    /// The tenants that visits are for, at least two. Default: `acme` and `globex`.
    pub fn tenants(mut self, ids: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.visited = ids.into_iter().map(Into::into).collect();
        self
    }

    /// What turns, and visits that are given up, are chosen by. Default: 1. The report names it.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many times visits are at it at once. Default: 40.
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// The tables of tenants are made by the migrations of `TestTenants`. Default: they are made from
    /// the entities. Those in the default schema always are.
    pub fn migrated(mut self) -> Self {
        self.has_tables = true;
        self
    }

    /// Makes the tenants and plants their rows.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Tenant`] about the ids, [`TestkitError::Unplantable`] names a column that needs
    /// a [`value`](Self::value), [`TestkitError::Database`].
    pub async fn build(self, tenants: TestTenants) -> Result<LeakCheck, TestkitError> {
        let ids = self.ids()?;
        let tenant = |id: &TenantId| Owner::Tenant(id.clone());
        let owners = ids.iter().map(tenant).chain([Owner::DefaultSchema]);
        let marks = Marks::new(owners, self.seed);
        for id in &ids {
            tenants.provision(id).await?;
        }
        // One of its own, so that the application's connections are seen from their beginning.
        let tenancy = Tenancy::builder()
            .store(Arc::clone(tenants.store()))
            .shared_database(tenants.database().shared().clone())
            .build()?;
        for owner in marks.owners() {
            self.set_up(&tenants, &tenancy, owner, &marks).await?;
        }
        tenancy.close().await;

        let database = tenants.database();
        let looking = || TestkitError::database("look at the tables");
        let open = async |url: &tenant_core::DatabaseUrl| {
            let db = Database::connect(plain(url)).await.map_err(looking())?;
            recorded::leave_out(&db).await.map_err(looking())?;
            Ok::<_, TestkitError>(db)
        };
        let admin = open(database.shared()).await?;
        let mut places = Vec::new();
        for owner in marks.owners() {
            let (db, schema) = match (owner, database.backend()) {
                (Owner::DefaultSchema, _) => (admin.clone(), database.default_schema().to_owned()),
                (Owner::Tenant(id), DbBackend::Sqlite) => {
                    (open(database.place(id)?.url()).await?, "main".to_owned())
                }
                (Owner::Tenant(id), _) => (admin.clone(), database.place(id)?.schema().to_string()),
            };
            let owner = owner.clone();
            places.push(Place { owner, db, schema });
        }
        let recorder = Recorder::start(database, &admin).await?;
        let judge = Judge::new(database.backend(), schemas(&places), self.tables.clone());
        let visited = ids.into_iter().filter(|id| id.as_str() != BYSTANDER);
        Ok(LeakCheck {
            visited: visited.collect(),
            marks,
            tables: self.tables,
            places,
            recorder,
            judge,
            random: Rng::with_seed(self.seed),
            seed: self.seed,
            rounds: self.rounds,
            tenants,
        })
    }

    /// The tenants that are visited, and the one that is not.
    fn ids(&self) -> Result<Vec<TenantId>, TenantError> {
        let mut ids = Vec::new();
        for id in self.visited.iter().map(String::as_str).chain([BYSTANDER]) {
            let id: TenantId = id.parse()?;
            if ids.contains(&id) {
                return Err(TenantError::Configuration(format!(
                    "a leak check visits {id} twice; name tenants that are not `{BYSTANDER}`, each once"
                )));
            }
            ids.push(id);
        }
        if ids.len() < 3 {
            return Err(TenantError::Configuration(
                "a leak check needs two tenants at least".to_owned(),
            ));
        }
        if self.tables.is_empty() {
            return Err(TenantError::Configuration(
                "a leak check needs tables: name them with `.entity(..)` or `.table(..)`"
                    .to_owned(),
            ));
        }
        Ok(ids)
    }

    /// Makes an owner's tables, and plants its rows.
    async fn set_up(
        &self,
        tenants: &TestTenants,
        tenancy: &Tenancy,
        owner: &Owner,
        marks: &Marks,
    ) -> Result<(), TestkitError> {
        let db = match owner {
            Owner::Tenant(id) => tenancy.for_tenant(id).await?,
            Owner::DefaultSchema => {
                let nobody = TenantId::from_static("nobody");
                let schema = SchemaName::in_dedicated_database(tenants.database().default_schema())
                    .map_err(TenantError::from)?;
                TenantConnection::new(tenancy.shared().await?, nobody, schema)
            }
        };
        if !self.has_tables || *owner == Owner::DefaultSchema {
            let builder = db.get_schema_builder();
            let tables = self.entities.iter();
            tables
                .fold(builder, |builder, table| (table.register)(builder))
                .apply(&db)
                .await
                .map_err(TestkitError::database(format!(
                    "make the tables of {owner}"
                )))?;
        }
        let Some(mark) = marks.of(owner) else {
            return Ok(());
        };
        for table in &self.entities {
            table.plant(&db, mark, &self.values).await?;
        }
        if let Some(plant) = &self.plant {
            let planted = plant(db, mark.clone()).await;
            planted.map_err(|source| TestkitError::Plant {
                owner: owner.to_string(),
                source,
            })?;
        }
        Ok(())
    }
}

/// Whose the schemas are. On SQLite all have one name, in files of their own.
fn schemas(places: &[Place]) -> HashMap<String, Owner> {
    let is_file = |place: &&Place| place.db.get_database_backend() == DbBackend::Sqlite;
    let places = places.iter().filter(|place| !is_file(place));
    places
        .map(|place| (place.schema.clone(), place.owner.clone()))
        .collect()
}

impl fmt::Debug for LeakCheckBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeakCheckBuilder")
            .field("visited", &self.visited)
            .field("tables", &self.tables)
            .field("values", &self.values)
            .field("plant", &self.plant.is_some())
            .field("seed", &self.seed)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
