//! The whole idea in one run: two libraries, each in a schema of its own, and what is refused.
//!
//!     cargo run --example quickstart
//!
//! runs on embedded SQLite, in a temporary directory. With `DATABASE_URL=postgres://..` or
//! `mysql://..` it does the same there, in schemas and a table whose names begin with
//! `quickstart`, which it removes again.

#![allow(clippy::print_stdout)]

use std::{env, error::Error, sync::Arc};

use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, DbErr,
    EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QueryTrait, Schema,
};
use sea_orm_tenant::{TenantStatus, prelude::*};

mod author {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "author", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        #[sea_orm(has_many)]
        pub books: HasMany<super::book::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "book", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(indexed)]
        pub title: String,
        pub author_id: i32,
        pub genre_id: i32,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: HasOne<super::author::Entity>,
        #[sea_orm(belongs_to, from = "genre_id", to = "id")]
        pub genre: HasOne<super::genre::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// All tenants read this one.
mod genre {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantShared;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantShared)]
    #[sea_orm(table_name = "quickstart_genre")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub label: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

const ACME: TenantId = TenantId::from_static("quickstart-acme");
const GLOBEX: TenantId = TenantId::from_static("quickstart-globex");

/// Runs for the tenant that its argument names. Nothing in the body says which.
#[with_tenant(tenant)]
async fn add_books(
    tenant: &TenantId,
    tenancy: &Tenancy,
    author: &str,
    titles: &[&str],
) -> Result<(), TenantError> {
    let db = tenancy.current().await?;
    let author = author::ActiveModel {
        name: Set(author.to_owned()),
        ..Default::default()
    };
    let author = author.insert(&db).await?;
    let books = titles.iter().map(|title| book::ActiveModel {
        title: Set((*title).to_owned()),
        author_id: Set(author.id),
        genre_id: Set(1),
        ..Default::default()
    });
    book::Entity::insert_many(books).exec(&db).await?;
    Ok(())
}

/// Runs for one tenant. The literal is checked when this is compiled.
#[with_tenant("quickstart-acme")]
async fn titles_of_acme(tenancy: &Tenancy) -> Result<Vec<String>, TenantError> {
    titles(&tenancy.current().await?).await
}

/// Takes any connection: to a function it is SeaORM as ever.
async fn titles(db: &impl ConnectionTrait) -> Result<Vec<String>, TenantError> {
    let books = book::Entity::find().order_by_asc(book::Column::Id).all(db);
    Ok(books.await?.into_iter().map(|book| book.title).collect())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let (tenants, shared) = match env::var("DATABASE_URL") {
        Ok(url) => (DatabaseUrl::new(url.clone())?, DatabaseUrl::new(url)?),
        Err(_) => {
            let shared = DatabaseUrl::sqlite(scratch.path().join("shared.sqlite"))?;
            (
                DatabaseUrl::sqlite(scratch.path().join("tenants"))?,
                DatabaseUrl::new(format!("{}?mode=rwc", shared.expose()))?,
            )
        }
    };
    let store = Arc::new(MemoryStore::new());
    store.add(ACME, &tenants)?;
    store.add(GLOBEX, &tenants)?;
    let tenancy = Tenancy::builder()
        .store(store.clone())
        .shared_database(shared)
        .build()?;

    remove(&tenancy).await?;
    let told = tell(&tenancy, &store).await;
    remove(&tenancy).await?;
    tenancy.close().await;
    told
}

async fn tell(tenancy: &Tenancy, store: &MemoryStore) -> Result<(), Box<dyn Error>> {
    let shared = tenancy.shared().await?;
    let backend = shared.get_database_backend();
    println!(
        "Two libraries are tenants of one application, on {}.\n",
        backend.as_str()
    );

    println!("1. Each gets a schema of its own, and in it the tables of its entities.");
    println!("   (on MySQL a schema is a database; on SQLite it is `main` of a file)");
    let genres = Schema::new(backend).create_table_from_entity(genre::Entity);
    shared.execute(&genres).await?;
    let fiction = genre::ActiveModel {
        id: Set(1),
        label: Set("Fiction".to_owned()),
    };
    fiction.insert(&shared).await?;
    for tenant in [&ACME, &GLOBEX] {
        let db = tenancy.create_schema(tenant).await?;
        db.get_schema_builder()
            .register(author::Entity)
            .register(book::Entity)
            .apply(&db)
            .await?;
        println!("   {tenant:<18} is in {}", db.schema());
    }

    println!("\n2. #[with_tenant] runs a function for a tenant. The function names no schema.");
    add_books(
        &ACME,
        tenancy,
        "Jules Verne",
        &["Around the Moon", "Off on a Comet"],
    )
    .await?;
    add_books(&GLOBEX, tenancy, "Mary Shelley", &["The Last Man"]).await?;
    println!("   acme has   {:?}", titles_of_acme(tenancy).await?);

    println!("\n3. A connection can be asked for by name, too. It stays that tenant's.");
    let acme = tenancy.for_tenant(&ACME).await?;
    let globex = tenancy.for_tenant(&GLOBEX).await?;
    println!("   globex has {:?}", titles(&globex).await?);
    let sql = book::Entity::find_by_id(1).build(backend).sql;
    let sent = sea_orm_tenant::qualify(
        &sql,
        &sea_orm_tenant::QuotedSchema::new(acme.schema(), backend),
    );
    println!("   SeaORM renders  ..{}", from(&sql));
    println!("   acme's sends    ..{}", from(&sent));

    println!("\n4. A tenant's table joins a table that all share.");
    let shelf = book::Entity::find()
        .find_also_related(genre::Entity)
        .filter(genre::Column::Label.eq("Fiction"))
        .order_by_asc(book::Column::Title)
        .all(&acme)
        .await?;
    for (book, genre) in shelf {
        let genre = genre.map(|genre| genre.label).unwrap_or_default();
        println!("   {:<18} {genre}", book.title);
    }

    println!("\n5. A transaction that fails leaves nothing behind.");
    let before = book::Entity::find().count(&acme).await?;
    let burnt = acme
        .transaction_async(async |tx| -> Result<(), DbErr> {
            book::Entity::delete_many().exec(tx).await?;
            let left = book::Entity::find().count(tx).await?;
            println!("   {before} books, {left} inside the transaction, then an error");
            Err(DbErr::Custom("this is a drill".to_owned()))
        })
        .await;
    let after = book::Entity::find().count(&acme).await?;
    assert!(burnt.is_err());
    println!("   {after} books again");

    println!("\n6. What is refused, and what it says.");
    let plain = book::Entity::find().all(&shared).await;
    refused("a tenant's entity on a plain connection", plain);
    let raw = acme.execute_unprepared("DELETE FROM book").await;
    refused("raw SQL that does not name $tenant", raw);
    let count = acme
        .execute_unprepared("UPDATE $tenant.book SET genre_id = 1")
        .await?;
    println!(
        "   (with `$tenant.book` it runs: {} rows)\n",
        count.rows_affected()
    );
    refused("no tenant in context", tenancy.current().await);
    refused("an invalid id", TenantId::try_from("Acme Corp"));
    store.set_status(&GLOBEX, TenantStatus::Suspended)?;
    refused(
        "a tenant that is suspended",
        tenancy.for_tenant(&GLOBEX).await,
    );
    store.set_status(&GLOBEX, TenantStatus::Active)?;

    println!("Nothing was shown to anybody else.");
    Ok(())
}

/// The part of a query that says where.
fn from(sql: &str) -> &str {
    sql.find(" FROM").map_or(sql, |at| &sql[at..])
}

fn refused<T>(what: &str, outcome: Result<T, impl std::fmt::Display>) {
    match outcome {
        Ok(_) => unreachable!("{what} was not refused"),
        Err(error) => println!("   {what}:\n     {error}\n"),
    }
}

/// Removes what this example makes on a server. In a temporary directory there is nothing to do.
async fn remove(tenancy: &Tenancy) -> Result<(), TenantError> {
    let shared = tenancy.shared().await?;
    let backend = shared.get_database_backend();
    let drop = match backend {
        DbBackend::Sqlite => return Ok(()),
        DbBackend::MySql => "DROP DATABASE IF EXISTS `$tenant`",
        _ => "DROP SCHEMA IF EXISTS \"$tenant\" CASCADE",
    };
    for tenant in [&ACME, &GLOBEX] {
        let db = tenancy.for_tenant_in_any_status(tenant).await?;
        db.execute_unprepared(drop).await?;
    }
    shared
        .execute_unprepared("DROP TABLE IF EXISTS quickstart_genre")
        .await?;
    Ok(())
}
