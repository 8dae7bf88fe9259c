use std::{collections::HashMap, sync::Arc};

use sea_orm::sqlx::{
    self, AssertSqlSafe, Connection as _, FromRow, PgConnection, Row as _, postgres::PgRow, query,
    query_as,
};

use super::{
    Contender, To,
    lanes::Lanes,
    texts::{Read, Texts},
};
use crate::{
    BoxError,
    library::{
        What,
        scoped::{author, book, loan, visit},
    },
    load::Request,
};

/// What the same work takes without SeaORM and without this product.
pub(super) struct ByHand {
    lanes: Lanes,
    texts: Vec<Texts>,
}

impl ByHand {
    pub(super) fn open(to: &To<'_>, lanes: Lanes) -> Self {
        Self {
            lanes,
            texts: to.tenants.schemas().map(|name| Texts::of(&name)).collect(),
        }
    }
}

#[async_trait::async_trait]
impl Contender for ByHand {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        let texts = &self.texts[request.tenant];
        let key = request.key;
        let mut db = self.lanes.acquire(request.tenant).await?;
        match request.what {
            What::Read(variant) => {
                let text = &texts.reads[usize::from(variant)];
                read(&mut db, text, key).await?;
            }
            What::Insert => {
                insert(&mut db, texts, key).await?;
            }
            What::Loader => load(&mut db, texts).await?,
            What::Transaction => {
                let mut transaction = db.begin().await?;
                borrow(&mut transaction, texts, key).await?;
                transaction.commit().await?;
            }
            What::Long(time) => {
                let mut transaction = db.begin().await?;
                read(&mut transaction, &texts.reads[0], key).await?;
                tokio::time::sleep(time).await;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    async fn close(&self) {
        self.lanes.close().await;
    }
}

fn safe(text: &Arc<str>) -> AssertSqlSafe<Arc<str>> {
    AssertSqlSafe(Arc::clone(text))
}

async fn read(db: &mut PgConnection, read: &Read, key: i32) -> Result<book::Model, BoxError> {
    let mut select = query_as::<_, Row<book::Model>>(safe(&read.text)).bind(key);
    for _ in 0..read.zeros {
        select = select.bind(0);
    }
    let book = select.bind(1_i64).fetch_optional(db).await?;
    Ok(book.ok_or("a book is missing")?.0)
}

async fn insert(db: &mut PgConnection, texts: &Texts, key: i32) -> Result<visit::Model, BoxError> {
    let insert = query_as::<_, Row<visit::Model>>(safe(&texts.insert));
    let visit = insert.bind(format!("Member {key}")).fetch_one(db).await?;
    Ok(visit.0)
}

async fn load(db: &mut PgConnection, texts: &Texts) -> Result<(), BoxError> {
    let authors = query_as::<_, Row<author::Model>>(safe(&texts.authors)).bind(2);
    let authors = authors.fetch_all(&mut *db).await?;
    let mut books = query_as::<_, Row<book::Model>>(safe(&texts.books));
    for author in &authors {
        books = books.bind(author.0.id);
    }
    let books = books.fetch_all(&mut *db).await?;
    let mut loans = query_as::<_, Row<loan::Model>>(safe(&texts.loans));
    for book in &books {
        loans = loans.bind(book.0.id);
    }
    let mut loans_of = HashMap::<i32, Vec<loan::Model>>::new();
    for Row(loan) in loans.fetch_all(&mut *db).await? {
        loans_of.entry(loan.book_id).or_default().push(loan);
    }
    if loans_of.len() != books.len() {
        return Err("a loan is missing".into());
    }
    Ok(())
}

async fn borrow(db: &mut PgConnection, texts: &Texts, key: i32) -> Result<(), BoxError> {
    let book = read(&mut *db, &texts.reads[0], key).await?;
    let author = query_as::<_, Row<author::Model>>(safe(&texts.author)).bind(book.author_id);
    author.bind(1_i64).fetch_one(&mut *db).await?;
    let visit = insert(&mut *db, texts, key).await?;
    let update = query_as::<_, Row<visit::Model>>(safe(&texts.update)).bind(book.title);
    update.bind(visit.id).fetch_one(&mut *db).await?;
    query(safe(&texts.delete))
        .bind(visit.id)
        .execute(db)
        .await?;
    Ok(())
}

/// sqlx decodes into types of ours only.
struct Row<M>(M);

impl FromRow<'_, PgRow> for Row<book::Model> {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(book::Model {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            author_id: row.try_get("author_id")?,
            year: row.try_get("year")?,
            shelf: row.try_get("shelf")?,
        }))
    }
}

impl FromRow<'_, PgRow> for Row<author::Model> {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(author::Model {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
        }))
    }
}

impl FromRow<'_, PgRow> for Row<loan::Model> {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(loan::Model {
            id: row.try_get("id")?,
            book_id: row.try_get("book_id")?,
            member: row.try_get("member")?,
        }))
    }
}

impl FromRow<'_, PgRow> for Row<visit::Model> {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self(visit::Model {
            id: row.try_get("id")?,
            member: row.try_get("member")?,
        }))
    }
}
