//! The books of a library.

use actix_web::{
    HttpResponse,
    http::header::LOCATION,
    web::{Json, Path, Query},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DbErr,
    EntityLoaderTrait as _, EntityTrait as _, ExprTrait as _, PaginatorTrait as _,
    QueryFilter as _, sea_query::Expr,
};
use sea_orm_tenant::actix::{TenantDb, TenantTransaction};
use serde::{Deserialize, Serialize};

use super::view::{self, BookView, no_book};
use crate::{
    entity::{author, book, genre, loan},
    problem::{LibraryError, Refusal},
    request::{text, within},
};

/// The most books in a page.
const LONGEST_PAGE: u64 = 100;
/// The last page that can be asked for: databases count the rows that they skip.
const LAST_PAGE: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    page: Option<u64>,
    per_page: Option<u64>,
    /// Only books by this author.
    author: Option<i32>,
}

#[derive(Serialize)]
pub struct Page {
    page: u64,
    pages: u64,
    total: u64,
    books: Vec<BookView>,
}

/// A page of the books, in the order in which they came.
pub async fn list(db: TenantDb, asked: Query<Listing>) -> Result<Json<Page>, LibraryError> {
    let page = within("page", asked.page.unwrap_or(1), 1, LAST_PAGE)?;
    let per_page = within("per_page", asked.per_page.unwrap_or(20), 1, LONGEST_PAGE)?;
    let mut books = view::books().order_by_id_asc();
    if let Some(author) = asked.author {
        books = books.filter(book::Column::AuthorId.eq(author));
    }
    let books = books.paginate(&db, per_page);
    let counted = books.num_items_and_pages().await?;
    let found = books.fetch_page(page - 1).await?;
    Ok(Json(Page {
        page,
        pages: counted.number_of_pages,
        total: counted.number_of_items,
        books: view::with_loans(&db, found).await?,
    }))
}

pub async fn show(db: TenantDb, id: Path<i32>) -> Result<Json<BookView>, LibraryError> {
    Ok(Json(view::book(&db, *id).await?))
}

/// A book as somebody writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    title: String,
    author_id: i32,
    genre: String,
    year: Option<i32>,
    language: String,
}

impl Form {
    /// What is to be stored. Author and genre must be there.
    async fn checked(&self, db: &impl ConnectionTrait) -> Result<book::ActiveModel, LibraryError> {
        let title = text("title", &self.title, 200)?;
        let language = text("language", &self.language, 35)?;
        if let Some(year) = self.year {
            within("year", year, -5_000, 3_000)?;
        }
        let label = text("genre", &self.genre, 50)?;
        let genre = genre::Entity::find()
            .filter(genre::Column::Label.eq(label.as_str()))
            .one(db)
            .await?
            .ok_or_else(|| Refusal::unprocessable(format!("there is no genre {label:?}")))?;
        author::Entity::find_by_id(self.author_id)
            .one(db)
            .await?
            .ok_or_else(|| {
                Refusal::unprocessable(format!("there is no author {}", self.author_id))
            })?;
        Ok(book::ActiveModel {
            title: Set(title),
            author_id: Set(self.author_id),
            genre_id: Set(genre.id),
            year: Set(self.year),
            language: Set(language),
            ..Default::default()
        })
    }
}

pub async fn add(db: TenantDb, form: Json<Form>) -> Result<HttpResponse, LibraryError> {
    let mut book = form.checked(&db).await?;
    book.times_lent = Set(0);
    let book = book.insert(&db).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/books/{}", book.id)))
        .json(view::book(&db, book.id).await?))
}

pub async fn change(
    db: TenantDb,
    id: Path<i32>,
    form: Json<Form>,
) -> Result<Json<BookView>, LibraryError> {
    let mut book = form.checked(&db).await?;
    book.id = Set(*id);
    match book.update(&db).await {
        Ok(_) => show(db, id).await,
        Err(DbErr::RecordNotUpdated) => Err(no_book(*id).into()),
        Err(error) => Err(error.into()),
    }
}

/// Takes a book out of the library, with what is known of its former loans.
pub async fn remove(tx: TenantTransaction, id: Path<i32>) -> Result<HttpResponse, LibraryError> {
    hold(&tx, *id, 0).await?;
    if is_lent(&tx, *id).await? {
        return Err(Refusal::conflict(
            "lent",
            format!("book {id} is lent; it must come back first"),
        )
        .into());
    }
    book::Entity::delete_by_id(*id).exec(&tx).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Keeps others from lending or removing the book until the transaction ends, and counts so many
/// loans of it.
///
/// An update, because it is a lock on every database: SQLite knows no `SELECT .. FOR UPDATE`, and a
/// transaction there that reads first and writes later fails when somebody else wrote meanwhile.
pub async fn hold(tx: &TenantTransaction, id: i32, loans: i32) -> Result<(), LibraryError> {
    let counted = Expr::col(book::Column::TimesLent).add(loans);
    let held = book::Entity::update_many()
        .col_expr(book::Column::TimesLent, counted)
        .filter(book::Column::Id.eq(id))
        .exec(tx)
        .await?;
    match held.rows_affected {
        0 => Err(no_book(id).into()),
        _ => Ok(()),
    }
}

/// Whether a book is out.
pub async fn is_lent(db: &impl ConnectionTrait, id: i32) -> Result<bool, DbErr> {
    let open = loan::Entity::find()
        .filter(loan::Column::BookId.eq(id))
        .filter(loan::Column::ReturnedAt.is_null());
    Ok(open.count(db).await? > 0)
}
