//! Each test of SeaORM's paths runs here: between two looks at every row that is not `acme`'s, and
//! with every statement that reaches the driver read.

use sea_orm::{
    ActiveValue::Set, ConnectionTrait as _, Database, DatabaseConnection, EntityTrait,
    IntoActiveModel, Statement,
};
use sea_orm_tenant::{TenantConnection, TenantStore as _};

use super::statements::Schemas;
use crate::support::{
    Server, World,
    entities::{author, book, book_tag, review, tag},
    plain,
};

pub type Db = TenantConnection<DatabaseConnection>;

/// Runs `test` on a connection of `acme`, which has [a library](fill) then, and `globex` another
/// one with the same ids.
///
/// Fails when a row outside of `acme` changed, or when a statement names a tenant's table other
/// than in `acme`'s schema. Returns the statements.
pub async fn inside_acme(world: &World, test: impl AsyncFnOnce(&Db)) -> Vec<String> {
    fill(&world.acme().await, "").await;
    fill(&world.globex().await, "GLOBEX ").await;
    let (db, recording) = world.recorded(&world.acme, 2).await;
    let outside = rows_outside(world).await;
    assert_eq!(outside.len(), 50, "{outside:#?}");

    test(&db).await;

    let statements = recording.take();
    assert!(!statements.is_empty(), "nothing was recorded");
    let schemas = Schemas::of(world);
    for sql in &statements {
        schemas.assert_inside(sql);
    }
    assert_eq!(
        rows_outside(world).await,
        outside,
        "rows of others changed, by {statements:#?}"
    );
    statements
}

/// The one statement of a test that runs one.
pub fn only(mut statements: Vec<String>) -> String {
    assert_eq!(statements.len(), 1, "{statements:#?}");
    statements.remove(0)
}

/// What `world`'s server should have been sent, where `{acme}` stands for the quoted schema.
pub fn exactly(world: &World, postgres: &str, mysql: &str, sqlite: &str) -> String {
    let sql = match world.server {
        Server::Postgres => postgres,
        Server::MySql => mysql,
        Server::Sqlite => sqlite,
    };
    sql.replace("{acme}", &world.quoted_schema(&world.acme))
}

/// Four books by two of three authors; the third one and a tag of no book show what an outer join
/// does. Ids count from 1 in the order that is written here.
async fn fill(db: &TenantConnection, owner: &str) {
    let text = |text: &str| Set(format!("{owner}{text}"));
    let author = |name, mentor_id| author::ActiveModel {
        name: text(name),
        mentor_id: Set(mentor_id),
        ..Default::default()
    };
    insert::<author::Entity, _>(
        db,
        [
            author("Verne", None),
            author("Wells", Some(1)),
            author("Lem", Some(2)),
        ],
    )
    .await;
    let book = |title, author_id, place, genre_id| book::ActiveModel {
        title: text(title),
        author_id: Set(author_id),
        row: Set(place),
        place: Set(place),
        genre_id: Set(genre_id),
        ..Default::default()
    };
    insert::<book::Entity, _>(
        db,
        [
            book("Nautilus", 1, Some(1), Some(1)),
            book("Balloon", 1, Some(2), Some(2)),
            book("Time Machine", 2, Some(3), Some(1)),
            book("Invisible", 2, None, None),
        ],
    )
    .await;
    let tag = |word| tag::ActiveModel {
        word: text(word),
        ..Default::default()
    };
    insert::<tag::Entity, _>(db, [tag("sea"), tag("air"), tag("future"), tag("unused")]).await;
    let links = [(1, 1), (1, 3), (2, 2), (3, 3)];
    insert::<book_tag::Entity, _>(
        db,
        links.map(|(book_id, tag_id)| book_tag::ActiveModel {
            book_id: Set(book_id),
            tag_id: Set(tag_id),
        }),
    )
    .await;
    let review = |book_id, mood, words| review::ActiveModel {
        book_id: Set(book_id),
        mood: Set(mood),
        text: text(words),
        ..Default::default()
    };
    insert::<review::Entity, _>(
        db,
        [
            review(1, review::Mood::Glad, "deep"),
            review(1, review::Mood::Sad, "wet"),
            review(3, review::Mood::Glad, "fast"),
        ],
    )
    .await;
}

async fn insert<E, const N: usize>(db: &TenantConnection, rows: [E::ActiveModel; N])
where
    E: EntityTrait,
    E::Model: IntoActiveModel<E::ActiveModel>,
    E::ActiveModel: Send,
{
    E::insert_many(rows)
        .exec_without_returning(db)
        .await
        .unwrap();
}

pub const TABLES: [(&str, &[&str]); 5] = [
    ("author", &["id", "name", "mentor_id"]),
    (
        "book",
        &["id", "title", "author_id", "row", "place", "genre_id"],
    ),
    ("tag", &["id", "word"]),
    ("book_tag", &["book_id", "tag_id"]),
    ("review", &["id", "book_id", "mood", "text"]),
];

/// Everything in the tables of the other two tenants and of the default schema, and the shared
/// rows, one a line. Read by hand-written SQL on plain connections.
pub async fn rows_outside(world: &World) -> Vec<String> {
    let mut rows = Vec::new();
    let shared = Database::connect(plain(&world.shared)).await.unwrap();
    for tenant in [&world.globex, &world.planted] {
        let schema = world.quoted_schema(tenant);
        if world.server == Server::Sqlite {
            let placed = world.store.connection(tenant).await.unwrap();
            let file = Database::connect(plain(placed.url())).await.unwrap();
            rows.extend(rows_in(&file, &schema, tenant.as_str(), &TABLES).await);
            file.close().await.unwrap();
        } else {
            rows.extend(rows_in(&shared, &schema, tenant.as_str(), &TABLES).await);
        }
    }
    let schema = world.server.quote(&world.default_schema());
    rows.extend(rows_in(&shared, &schema, "default", &TABLES).await);
    rows.extend(rows_in(&shared, &schema, "shared", &[("genre", &["id", "label"])]).await);
    shared.close().await.unwrap();
    rows
}

async fn rows_in(
    db: &DatabaseConnection,
    schema: &str,
    place: &str,
    tables: &[(&str, &[&str])],
) -> Vec<String> {
    let quote = if schema.starts_with('`') { '`' } else { '"' };
    let mut lines = Vec::new();
    for (table, columns) in tables {
        let as_text: Vec<_> = columns
            .iter()
            .map(|column| format!("CAST({quote}{column}{quote} AS CHAR(60))"))
            .collect();
        let sql = format!(
            "SELECT {} FROM {schema}.{table} ORDER BY 1, 2",
            as_text.join(", ")
        );
        let statement = Statement::from_string(db.get_database_backend(), sql);
        for row in db.query_all_raw(statement).await.unwrap() {
            let values: Vec<Option<String>> = (0..columns.len())
                .map(|at| row.try_get_by_index(at).unwrap())
                .collect();
            lines.push(format!("{place}.{table}: {values:?}"));
        }
    }
    lines
}
