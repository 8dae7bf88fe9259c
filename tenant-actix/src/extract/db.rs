use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use tenant_core::TenantConnection;

use super::connection::impl_connection;
use crate::{TenantProblem, admission::Access};

/// A connection of the tenant that a request is for: `Tenancy::current()` as an extractor.
///
/// SeaORM takes it as it is: `book::Entity::find().all(&db)`. It dereferences to the
/// [`TenantConnection`].
///
/// `Option<TenantDb>` is `None` on paths that are served without a tenant. Actix also makes it
/// `None` when the tenant's database does not answer: where that is not the same to you, take
/// `Result<TenantDb, TenantProblem>`.
///
/// ```
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     #[sea_orm::model]
/// #     #[derive(Clone, Debug, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "book", schema_name = "$tenant")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i32, pub title: String }
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
/// use actix_web::web;
/// use sea_orm::EntityTrait;
/// use tenant_actix::{TenantDb, TenantProblem};
///
/// async fn titles(db: TenantDb) -> Result<web::Json<Vec<String>>, TenantProblem> {
///     let books = book::Entity::find().all(&db).await?;
///     Ok(web::Json(books.into_iter().map(|book| book.title).collect()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct TenantDb(TenantConnection);

impl TenantDb {
    /// The connection itself.
    #[must_use]
    pub fn into_inner(self) -> TenantConnection {
        self.0
    }
}

impl Deref for TenantDb {
    type Target = TenantConnection;

    fn deref(&self) -> &TenantConnection {
        &self.0
    }
}

impl FromRequest for TenantDb {
    type Error = TenantProblem;
    type Future = LocalBoxFuture<'static, Result<Self, TenantProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(Access::of(&request)?.connection().await?)) })
    }
}

impl_connection!(TenantDb, TenantConnection);
