//! What this product itself takes of a request, without a database.

use std::{
    future::Future,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

use sea_orm::DbBackend;
use tenant_core::{
    CachedStore, DatabaseUrl, MemoryStore, QuotedSchema, SchemaName, Tenancy, TenantConnection,
    TenantContext, TenantError, TenantId, qualify,
};

use crate::{BoxError, server::Server};

/// What SeaORM renders for an entity of eight columns: 300 bytes.
const SELECT: &str = r#"SELECT "book"."id", "book"."title", "book"."author_id", "book"."row", "book"."place", "book"."genre_id", "book"."created", "author"."id" FROM "$tenant"."book" LEFT JOIN "$tenant"."author" ON "book"."author_id" = "author"."id" WHERE "book"."id" = $1 AND "book"."title" LIKE $2 ORDER BY "book"."title""#;

/// How often in a row.
const TIMES: u32 = 1_000;
const BATCHES: usize = 500;

/// The current tenant, asked for inside a scope.
#[inline]
pub fn current() -> Result<TenantId, TenantError> {
    TenantContext::current()
}

/// Into a scope and out again.
#[inline]
pub fn scope(id: &TenantId) {
    let _ = ready(TenantContext::scope(id.clone(), async {}));
}

/// The current tenant's connection, of a tenancy that has it open. `None` if it had to wait.
#[inline]
pub fn connection(tenancy: &Tenancy) -> Option<Result<TenantConnection, TenantError>> {
    ready(tenancy.current())
}

/// A statement with the tenant's schema in it.
#[inline]
pub fn qualified(schema: &QuotedSchema) -> String {
    qualify(black_box(SELECT), schema).into_owned()
}

/// A tenancy in which one tenant is warm.
///
/// # Errors
///
/// The server's.
pub async fn tenancy(server: &Server) -> Result<(Tenancy, TenantId), BoxError> {
    let database = DatabaseUrl::new(server.database("postgres")?)?;
    let id = TenantId::from_static("acme");
    let store = MemoryStore::new();
    store.add(id.clone(), &database)?;
    let tenancy = Tenancy::builder().store(CachedStore::new(store)).build()?;
    tenancy.for_tenant(&id).await?.ping().await?;
    Ok((tenancy, id))
}

/// For [`qualified`].
///
/// # Errors
///
/// None, as long as the name is valid.
pub fn schema() -> Result<QuotedSchema, BoxError> {
    let schema = "tenant_acme".parse::<SchemaName>()?;
    Ok(QuotedSchema::new(&schema, DbBackend::Postgres))
}

/// What is there at once.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Nanoseconds and allocations.
#[derive(Clone, Copy, Debug)]
pub struct Overhead {
    pub what: &'static str,
    pub nanoseconds: f64,
    pub allocations: f64,
}

impl Overhead {
    /// The least of many batches, because a machine only ever adds to it.
    fn of<T>(what: &'static str, mut once: impl FnMut() -> T) -> Self {
        let mut batch = || {
            for _ in 0..TIMES {
                black_box(once());
            }
        };
        let mut nanoseconds = f64::INFINITY;
        for _ in 0..BATCHES {
            let begun = Instant::now();
            batch();
            let took = begun.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES);
            nanoseconds = nanoseconds.min(took);
        }
        let counted = allocation_counter::measure(batch);
        Self {
            what,
            nanoseconds,
            allocations: counted.count_total as f64 / f64::from(TIMES),
        }
    }
}

/// All four, with a tenancy in which `id` is warm.
///
/// # Errors
///
/// When the tenant's connection is not at hand.
pub fn measure(tenancy: &Tenancy, id: &TenantId) -> Result<[Overhead; 4], BoxError> {
    let schema = schema()?;
    TenantContext::sync_scope(id.clone(), || {
        connection(tenancy).ok_or("the tenancy is not warm")??;
        Ok([
            Overhead::of("the current tenant", current),
            Overhead::of("into a scope and out of it", || scope(id)),
            Overhead::of("the current tenant's connection", || connection(tenancy)),
            Overhead::of("qualifying a statement of 300 bytes", || qualified(&schema)),
        ])
    })
}
