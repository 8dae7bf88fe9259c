//! Sets libraries up: schema, tables, first books. Whatever is there already is left alone.
//!
//! This is as much as an example needs: one instance, tables that never change. Versions of a
//! schema, locks between instances and whole fleets are for migrations, and for a crate to come.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DbBackend, DbErr, EntityTrait, IntoActiveModel as _, Schema,
    Statement, TransactionTrait as _,
};
use sea_orm_tenant::{
    Tenancy, TenantConnection, TenantError, TenantInfo, TenantSchemaBuilder, TenantScoped,
};

use crate::{
    catalogue::{Catalogue, Record},
    entity::{author, book, delivery, genre, loan},
};

/// The tables that all libraries share, and what is in them.
pub async fn shared(tenancy: &Tenancy, catalogue: &Catalogue) -> Result<(), TenantError> {
    let db = tenancy.shared().await?;
    let mut create = Schema::new(db.get_database_backend()).create_table_from_entity(genre::Entity);
    db.execute(create.if_not_exists()).await?;
    let genres = catalogue
        .genres()
        .into_iter()
        .map(|label| genre::ActiveModel {
            label: Set(label.to_owned()),
            ..Default::default()
        });
    genre::Entity::insert_many(genres)
        .on_conflict_do_nothing_on([genre::Column::Label])
        .exec_without_returning(&db)
        .await?;
    Ok(())
}

/// One library's schema, tables and books.
pub async fn library(
    tenancy: &Tenancy,
    catalogue: &Catalogue,
    tenant: &TenantInfo,
) -> Result<(), TenantError> {
    let db = tenancy.create_schema(&tenant.id).await?;
    tables(&db).await?;
    let delivered = delivery::Entity::find_by_id(DELIVERY).one(&db).await?;
    if delivered.is_none() {
        let books = catalogue.part_for(tenant);
        deliver(&db, &books).await?;
        tracing::info!(tenant = %tenant.id, schema = %db.schema(), books = books.len(), "a library is set up");
    }
    Ok(())
}

/// Makes the tables that are missing.
async fn tables(db: &TenantConnection) -> Result<(), DbErr> {
    let mut missing = db.get_schema_builder();
    missing = unless_there(missing, db, author::Entity).await?;
    missing = unless_there(missing, db, book::Entity).await?;
    missing = unless_there(missing, db, loan::Entity).await?;
    missing = unless_there(missing, db, delivery::Entity).await?;
    // All or none. On MySQL each table is made for itself, and those that are there are skipped the
    // next time.
    let tx = db.begin().await?;
    missing.apply(&tx).await?;
    tx.commit().await
}

async fn unless_there<E: TenantScoped>(
    tables: TenantSchemaBuilder,
    db: &TenantConnection,
    entity: E,
) -> Result<TenantSchemaBuilder, DbErr> {
    // `'$tenant'` is the schema's name as a value, `$tenant.` in front of a name is the schema.
    let sql = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT 1 FROM $tenant.sqlite_master WHERE type = 'table' AND name = ?"
        }
        DbBackend::MySql => {
            "SELECT 1 FROM information_schema.tables WHERE table_schema = '$tenant' AND table_name = ?"
        }
        _ => {
            "SELECT 1 FROM information_schema.tables WHERE table_schema = '$tenant' AND table_name = $1"
        }
    };
    let select = Statement::from_sql_and_values(
        db.get_database_backend(),
        sql,
        [entity.table_name().into()],
    );
    Ok(match db.query_one_raw(select).await? {
        Some(_) => tables,
        None => tables.register(entity),
    })
}

/// What the catalogue's delivery is called.
const DELIVERY: &str = "catalogue";
/// How many rows one statement inserts: databases bound a statement's values.
const BATCH: usize = 200;

/// Puts books into a library, in one transaction with the note that they have come. A second
/// instance that does the same at the same time fails on that note.
async fn deliver(db: &TenantConnection, records: &[&Record]) -> Result<(), DbErr> {
    let tx = db.begin().await?;
    let note = delivery::Model {
        name: DELIVERY.to_owned(),
        books: i32::try_from(records.len()).unwrap_or(i32::MAX),
        arrived_at: loan::now(),
    };
    delivery::Entity::insert(note.into_active_model())
        .exec_without_returning(&tx)
        .await?;
    let authors = authors(&tx, records).await?;
    let genres: HashMap<_, _> = genre::Entity::find()
        .all(&tx)
        .await?
        .into_iter()
        .map(|genre| (genre.label, genre.id))
        .collect();
    for batch in records.chunks(BATCH) {
        let books = batch.iter().map(|record| {
            Ok(book::ActiveModel {
                title: Set(record.title.clone()),
                author_id: Set(known(&authors, &record.author)?),
                genre_id: Set(known(&genres, &record.genre)?),
                year: Set(record.year),
                language: Set(record.language.clone()),
                times_lent: Set(0),
                ..Default::default()
            })
        });
        let books = books.collect::<Result<Vec<_>, DbErr>>()?;
        book::Entity::insert_many(books)
            .exec_without_returning(&tx)
            .await?;
    }
    tx.commit().await
}

/// Inserts the books' authors, and returns their ids.
async fn authors(
    tx: &impl ConnectionTrait,
    records: &[&Record],
) -> Result<HashMap<String, i32>, DbErr> {
    let mut authors: Vec<author::ActiveModel> = Vec::new();
    let mut seen = HashMap::new();
    for record in records {
        if seen.insert(record.author.as_str(), ()).is_none() {
            authors.push(author::ActiveModel {
                name: Set(record.author.clone()),
                born: Set(record.born),
                ..Default::default()
            });
        }
    }
    for batch in authors.chunks(BATCH) {
        author::Entity::insert_many(batch.to_vec())
            .exec_without_returning(tx)
            .await?;
    }
    let authors = author::Entity::find().all(tx).await?;
    Ok(authors
        .into_iter()
        .map(|author| (author.name, author.id))
        .collect())
}

fn known(ids: &HashMap<String, i32>, name: &str) -> Result<i32, DbErr> {
    ids.get(name)
        .copied()
        .ok_or_else(|| DbErr::RecordNotFound(name.to_owned()))
}
