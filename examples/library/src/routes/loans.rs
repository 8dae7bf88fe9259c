//! Lending and giving back.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, EntityTrait as _, QueryFilter as _,
    sea_query::Expr,
};
use sea_orm_tenant::actix::{TenantDb, TenantTransaction};
use serde::Deserialize;

use super::{
    books::{hold, is_lent},
    view::{self, BookView, LoanView},
};
use crate::{
    entity::loan,
    problem::{LibraryError, Refusal},
    request::{text, within},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    borrower: String,
    /// For how long: two weeks, unless told. None at all is for the reading room.
    days: Option<i64>,
}

/// Lends a book. What was written by then is undone by the middleware when the answer is a refusal:
/// so the book may be counted before it is known whether it can be lent.
pub async fn lend(
    tx: TenantTransaction,
    id: Path<i32>,
    form: Json<Form>,
) -> Result<HttpResponse, LibraryError> {
    let borrower = text("borrower", &form.borrower, 100)?;
    let days = within("days", form.days.unwrap_or(14), 0, 90)?;
    hold(&tx, *id, 1).await?;
    if is_lent(&tx, *id).await? {
        return Err(Refusal::conflict("lent", format!("book {id} is lent already")).into());
    }
    let lent_at = loan::now();
    let loan = loan::ActiveModel {
        book_id: Set(*id),
        borrower: Set(borrower),
        lent_at: Set(lent_at),
        due_on: Set(lent_at + days * 24 * 60 * 60),
        returned_at: Set(None),
        reminded: Set(false),
        ..Default::default()
    };
    let loan = loan.insert(&tx).await?;
    Ok(HttpResponse::Created().json(LoanView::from(loan)))
}

/// Takes a book back. One statement needs no transaction.
pub async fn give_back(db: TenantDb, id: Path<i32>) -> Result<Json<BookView>, LibraryError> {
    let returned = loan::Entity::update_many()
        .col_expr(loan::Column::ReturnedAt, Expr::value(loan::now()))
        .filter(loan::Column::BookId.eq(*id))
        .filter(loan::Column::ReturnedAt.is_null())
        .exec(&db)
        .await?;
    let book = view::book(&db, *id).await?;
    match returned.rows_affected {
        0 => Err(Refusal::conflict("not-lent", format!("book {id} is not lent")).into()),
        _ => Ok(Json(book)),
    }
}
