//! Those who wrote the books.

use actix_web::{
    HttpResponse,
    http::header::LOCATION,
    web::{Json, Path},
};
use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, EntityLoaderTrait as _, SqlErr};
use sea_orm_tenant::actix::TenantDb;
use serde::{Deserialize, Serialize};

use crate::{
    entity::{author, book},
    problem::{LibraryError, Refusal},
    request::{text, within},
};

#[derive(Serialize)]
pub struct Author {
    id: i32,
    name: String,
    born: Option<i32>,
    books: Vec<Work>,
}

#[derive(Serialize)]
pub struct Work {
    id: i32,
    title: String,
    year: Option<i32>,
}

/// An author, with the books that this library has.
pub async fn show(db: TenantDb, id: Path<i32>) -> Result<Json<Author>, LibraryError> {
    let author = author::Entity::load()
        .filter_by_id(*id)
        .with(book::Entity)
        .one(&db)
        .await?
        .ok_or_else(|| Refusal::not_found(format!("there is no author {id}")))?;
    let works = author.books.into_iter().map(|book| Work {
        id: book.id,
        title: book.title,
        year: book.year,
    });
    let mut books: Vec<_> = works.collect();
    books.sort_by_key(|work| (work.year, work.id));
    Ok(Json(Author {
        id: author.id,
        name: author.name,
        born: author.born,
        books,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    name: String,
    born: Option<i32>,
}

pub async fn add(db: TenantDb, form: Json<Form>) -> Result<HttpResponse, LibraryError> {
    let name = text("name", &form.name, 100)?;
    if let Some(born) = form.born {
        within("born", born, -5_000, 3_000)?;
    }
    let author = author::ActiveModel {
        name: Set(name.clone()),
        born: Set(form.born),
        ..Default::default()
    };
    let author = author
        .insert(&db)
        .await
        .map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => LibraryError::from(Refusal::conflict(
                "author-exists",
                format!("{name} is here already"),
            )),
            _ => error.into(),
        })?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/authors/{}", author.id)))
        .json(Author {
            id: author.id,
            name: author.name,
            born: author.born,
            books: Vec::new(),
        }))
}
