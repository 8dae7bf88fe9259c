//! The migrations of a lending library, and a fleet of such.

use std::sync::Arc;

use sea_orm::{ActiveValue::Set, ConnectionTrait as _, DbBackend, EntityTrait as _};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::{
    ConnectionInfo, MemoryStore, TenantConnection, TenantContext, TenantId, TenantInfo,
    TenantStore as _,
    migration::{
        Fleet, FleetBuilder, Migrations, Provision, Provisioned, TenantSchemaManager as _,
    },
};

use crate::support::World;

pub mod genre {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "kind", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub label: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The first `N` of all migrations.
pub struct First<const N: usize>;

impl<const N: usize> MigratorTrait for First<N> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let all: [Box<dyn MigrationTrait>; 5] = [
            Box::new(Kinds),
            Box::new(Items),
            Box::new(Seeds),
            Box::new(Due),
            Box::new(Sometimes),
        ];
        all.into_iter().take(N).collect()
    }
}

struct Kinds;

impl MigrationName for Kinds {
    fn name(&self) -> &str {
        "m1_kinds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Kinds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("kind")
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("label").string_len(100).not_null())
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("kind").take()).await
    }
}

/// Unqualified names, an index and a foreign key.
struct Items;

impl MigrationName for Items {
    fn name(&self) -> &str {
        "m2_items"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Items {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_table("item").await? {
            let table = Table::create()
                .table("item")
                .col(
                    ColumnDef::new("id")
                        .integer()
                        .not_null()
                        .auto_increment()
                        .primary_key(),
                )
                .col(ColumnDef::new("kind_id").integer().not_null())
                .col(ColumnDef::new("title").string_len(200).not_null())
                .foreign_key(
                    ForeignKey::create()
                        .name("item_kind")
                        .from("item", "kind_id")
                        .to("kind", "id"),
                )
                .take();
            manager.create_table(table).await?;
        }
        if !manager.has_index("item", "item_title").await? {
            let index = Index::create()
                .name("item_title")
                .table("item")
                .col("title")
                .take();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("item").take()).await
    }
}

/// Rows through the ORM.
struct Seeds;

impl MigrationName for Seeds {
    fn name(&self) -> &str {
        "m3_seeds"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Seeds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.tenant().await?;
        for (id, label) in [(1, "Novel"), (2, "Journey")] {
            let row = genre::ActiveModel {
                id: Set(id),
                label: Set(label.to_owned()),
            };
            if genre::Entity::find_by_id(id).one(&db).await?.is_none() {
                genre::Entity::insert(row).exec(&db).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.tenant().await?;
        genre::Entity::delete_many().exec(&db).await?;
        Ok(())
    }
}

struct Due;

impl MigrationName for Due {
    fn name(&self) -> &str {
        "m4_due"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Due {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("item", "due").await? {
            return Ok(());
        }
        let column = ColumnDef::new("due")
            .integer()
            .not_null()
            .default(14)
            .take();
        manager
            .alter_table(Table::alter().table("item").add_column(column).take())
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(Table::alter().table("item").drop_column("due").take())
            .await
    }
}

/// Fails for tenants that are called so, and panics for others.
struct Sometimes;

impl MigrationName for Sometimes {
    fn name(&self) -> &str {
        "m5_sometimes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sometimes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tenant = TenantContext::current()?;
        assert!(!tenant.as_str().starts_with("panics"), "as it is called");
        if !manager.has_table("fine").await? {
            let id = ColumnDef::new("id")
                .integer()
                .not_null()
                .primary_key()
                .take();
            manager
                .create_table(Table::create().table("fine").col(id).take())
                .await?;
        }
        if tenant.as_str().starts_with("broken") {
            let index = Index::create()
                .name("no")
                .table("no_such_table")
                .col("id")
                .take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Tenants of a world, whose schemas are made by migrations.
pub struct Yard<'w> {
    pub world: &'w World,
    pub store: Arc<MemoryStore>,
}

impl<'w> Yard<'w> {
    pub fn new(world: &'w World) -> Self {
        Self {
            world,
            store: Arc::default(),
        }
    }

    /// The test's own: schemas of MySQL are global to the server.
    pub fn id(&self, name: &str) -> TenantId {
        let (_, number) = self.world.acme.as_str().split_once('-').unwrap();
        format!("{name}-{number}").parse().unwrap()
    }

    pub fn place(&self, name: &str) -> ConnectionInfo {
        let id = self.id(name);
        // So that it is removed with the world.
        self.world
            .store
            .add(id.clone(), &self.world.database)
            .unwrap();
        ConnectionInfo::shared(&self.world.database, &id)
    }

    pub fn builder<M: MigratorTrait>(&self) -> FleetBuilder<Arc<MemoryStore>> {
        Fleet::builder(self.store.clone(), Migrations::of::<M>().unwrap()).workers(2)
    }

    pub fn fleet<const N: usize>(&self) -> Fleet<Arc<MemoryStore>> {
        self.builder::<First<N>>().build().unwrap()
    }

    pub fn provision(&self, name: &str) -> Provision {
        Provision::new(TenantInfo::active(self.id(name)), self.place(name))
    }

    /// Tenants with the first `N` migrations.
    pub async fn make<const N: usize>(&self, names: &[&str]) {
        for name in names {
            let made = self
                .fleet::<N>()
                .provision(&self.provision(name))
                .await
                .unwrap();
            assert_eq!(made, Provisioned::Made);
        }
    }

    /// A connection of a tenant, through the front door.
    pub async fn db(&self, name: &str) -> TenantConnection {
        let tenancy = self.world.tenancy();
        let tenancy = tenancy.store(self.store.clone()).build().unwrap();
        tenancy.for_tenant(&self.id(name)).await.unwrap()
    }

    /// Whether there is anything of a tenant: an entry, a schema.
    pub async fn is_there(&self, name: &str) -> (bool, bool) {
        let id = self.id(name);
        let has_entry = self.store.tenant(&id).await.is_ok();
        let place = ConnectionInfo::shared(&self.world.database, &id);
        let schema = place.schema().as_str();
        let has_schema = match place.url().backend() {
            DbBackend::Sqlite => place.url().file().unwrap().exists(),
            backend => {
                let shared = self.world.tenancy.shared().await.unwrap();
                let select = format!(
                    "SELECT schema_name FROM information_schema.schemata WHERE schema_name = '{schema}'"
                );
                let select = sea_orm::Statement::from_string(backend, select);
                shared.query_one_raw(select).await.unwrap().is_some()
            }
        };
        (has_entry, has_schema)
    }
}
