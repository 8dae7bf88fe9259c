use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait as _,
    sea_query::{Alias, ColumnDef, Expr, ExprTrait as _, Order, Query, Table},
};

use crate::{Migrations, session::Job};

/// The table that says which migration was begun, beside the one of those that were applied.
pub(super) struct Begun(String);

const VERSION: &str = "version";

impl Begun {
    pub(super) fn of(migrations: &Migrations) -> Self {
        Self(migrations.begun_table())
    }

    pub(super) async fn install(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Alias::new(&self.0))
            .if_not_exists()
            .col(
                ColumnDef::new(VERSION)
                    .string_len(255)
                    .not_null()
                    .primary_key(),
            )
            .take();
        db.execute(&table).await?;
        Ok(())
    }

    pub(super) async fn has(&self, db: &impl ConnectionTrait, name: &str) -> Result<bool, DbErr> {
        let select = Query::select()
            .column(VERSION)
            .from(Alias::new(&self.0))
            .and_where(Expr::col(VERSION).eq(name))
            .take();
        Ok(db.query_one(&select).await?.is_some())
    }

    pub(super) async fn all(&self, db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
        let select = Query::select()
            .column(VERSION)
            .from(Alias::new(&self.0))
            .order_by(VERSION, Order::Asc)
            .take();
        let rows = db.query_all(&select).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    pub(super) async fn forget(&self, db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
        let delete = Query::delete()
            .from_table(Alias::new(&self.0))
            .and_where(Expr::col(VERSION).eq(name))
            .take();
        db.execute(&delete).await?;
        Ok(())
    }

    pub(super) async fn note(&self, db: &impl ConnectionTrait, name: &str) -> Result<(), DbErr> {
        let insert = Query::insert()
            .into_table(Alias::new(&self.0))
            .columns([VERSION])
            .values([Expr::value(name)])
            .map_err(|error| DbErr::Custom(error.to_string()))?
            .take();
        db.execute(&insert).await?;
        Ok(())
    }

    /// In one transaction: that it was applied, and that it is begun no more.
    pub(super) async fn finish(
        &self,
        db: &DatabaseConnection,
        job: &Job,
        name: &str,
    ) -> Result<(), DbErr> {
        let tx = db.begin().await?;
        job.migrations.note(&tx, job.direction, name).await?;
        self.forget(&tx, name).await?;
        tx.commit().await
    }
}
