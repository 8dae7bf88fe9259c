//! Books as answers show them: with author, genre, and the loan that is open.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityLoaderTrait as _, EntityTrait as _,
    QueryFilter as _,
};
use serde::Serialize;

use crate::{
    entity::{author, book, genre, loan},
    problem::{LibraryError, Refusal},
};

#[derive(Serialize)]
pub struct BookView {
    id: i32,
    title: String,
    author: AuthorView,
    genre: String,
    year: Option<i32>,
    language: String,
    times_lent: i32,
    /// Nothing, where the book is on its shelf.
    loan: Option<LoanView>,
}

#[derive(Serialize)]
pub struct AuthorView {
    id: i32,
    name: String,
}

#[derive(Serialize)]
pub struct LoanView {
    id: i32,
    borrower: String,
    lent_at: i64,
    due_on: i64,
    reminded: bool,
}

impl From<loan::Model> for LoanView {
    fn from(loan: loan::Model) -> Self {
        Self {
            id: loan.id,
            borrower: loan.borrower,
            lent_at: loan.lent_at,
            due_on: loan.due_on,
            reminded: loan.reminded,
        }
    }
}

/// Books with what they refer to, in one statement.
pub fn books() -> book::EntityLoader {
    book::Entity::load()
        .with(author::Entity)
        .with(genre::Entity)
}

/// One book.
pub async fn book(db: &impl ConnectionTrait, id: i32) -> Result<BookView, LibraryError> {
    let found = books().filter_by_id(id).one(db).await?;
    let shown = with_loans(db, found.into_iter().collect()).await?;
    shown.into_iter().next().ok_or_else(|| no_book(id).into())
}

/// Adds the open loans of all the books, in one more statement.
pub async fn with_loans(
    db: &impl ConnectionTrait,
    books: Vec<book::ModelEx>,
) -> Result<Vec<BookView>, DbErr> {
    let open = loan::Entity::find()
        .filter(loan::Column::BookId.is_in(books.iter().map(|book| book.id)))
        .filter(loan::Column::ReturnedAt.is_null())
        .all(db)
        .await?;
    let mut open: HashMap<_, _> = open.into_iter().map(|loan| (loan.book_id, loan)).collect();
    let shown = books.into_iter().map(|book| {
        let author = book.author.into_option();
        BookView {
            loan: open.remove(&book.id).map(LoanView::from),
            id: book.id,
            title: book.title,
            author: AuthorView {
                id: book.author_id,
                name: author.map(|author| author.name).unwrap_or_default(),
            },
            genre: book
                .genre
                .into_option()
                .map(|genre| genre.label)
                .unwrap_or_default(),
            year: book.year,
            language: book.language,
            times_lent: book.times_lent,
        }
    });
    Ok(shown.collect())
}

pub fn no_book(id: i32) -> Refusal {
    Refusal::not_found(format!("there is no book {id}"))
}
