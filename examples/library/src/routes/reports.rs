//! For libraries that pay for it.

use actix_web::web::Json;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use sea_orm_tenant::actix::TenantDb;
use serde::Serialize;

use super::view::LoanView;
use crate::{
    entity::{book, loan},
    problem::LibraryError,
};

/// How many loans a report shows.
const SHOWN: u64 = 100;

#[derive(Serialize)]
pub struct Report {
    lent: u64,
    overdue: u64,
    /// Those that are due first.
    loans: Vec<Lent>,
}

#[derive(Serialize)]
pub struct Lent {
    book: String,
    #[serde(flatten)]
    loan: LoanView,
}

/// What is lent now.
pub async fn lent(db: TenantDb) -> Result<Json<Report>, LibraryError> {
    let open = loan::Entity::find().filter(loan::Column::ReturnedAt.is_null());
    let overdue = open.clone().filter(loan::Column::DueOn.lt(loan::now()));
    let loans = open
        .clone()
        .find_also_related(book::Entity)
        .order_by_asc(loan::Column::DueOn)
        .order_by_asc(loan::Column::Id)
        .limit(SHOWN)
        .all(&db)
        .await?;
    let loans = loans.into_iter().map(|(loan, book)| Lent {
        book: book.map(|book| book.title).unwrap_or_default(),
        loan: loan.into(),
    });
    Ok(Json(Report {
        lent: open.count(&db).await?,
        overdue: overdue.count(&db).await?,
        loans: loans.collect(),
    }))
}
