use std::marker::PhantomData;

use sea_orm::{DatabaseConnection, DbErr};
use sea_orm_migration::MigratorTrait;

/// The migrations of shared tables, as a value: SeaORM's `MigratorTrait` is a trait of types.
#[async_trait::async_trait]
pub(super) trait SharedMigrations: Send + Sync {
    /// Those that were applied and those that were not. Nothing is made.
    async fn state(&self, db: &DatabaseConnection) -> Result<State, DbErr>;
    async fn up(&self, db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr>;
    async fn down(&self, db: &DatabaseConnection, steps: u32) -> Result<(), DbErr>;
}

#[derive(Debug, serde::Serialize)]
pub(super) struct State {
    pub(super) applied: Vec<String>,
    pub(super) pending: Vec<String>,
}

pub(super) fn of<M: MigratorTrait + 'static>() -> Box<dyn SharedMigrations> {
    Box::new(Of::<M>(PhantomData))
}

struct Of<M>(PhantomData<fn() -> M>);

#[async_trait::async_trait]
impl<M: MigratorTrait> SharedMigrations for Of<M> {
    async fn state(&self, db: &DatabaseConnection) -> Result<State, DbErr> {
        use sea_orm_migration::MigrationStatus;
        let (mut applied, mut pending) = (Vec::new(), Vec::new());
        for migration in M::get_migration_with_status_read_only(db).await? {
            let name = migration.name().to_owned();
            match migration.status() {
                MigrationStatus::Applied => applied.push(name),
                MigrationStatus::Pending => pending.push(name),
            }
        }
        Ok(State { applied, pending })
    }

    async fn up(&self, db: &DatabaseConnection, steps: Option<u32>) -> Result<(), DbErr> {
        M::up(db, steps).await
    }

    async fn down(&self, db: &DatabaseConnection, steps: u32) -> Result<(), DbErr> {
        M::down(db, Some(steps)).await
    }
}
