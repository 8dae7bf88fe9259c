//! Finding what crosses from one tenant to another.

#[cfg(feature = "actix")]
mod app;
mod builder;
mod marks;
mod plant;
mod recorded;
mod report;
mod rounds;
mod snapshot;
mod transactions;
mod turns;

use std::{fmt, future::Future, time::Duration};

use fastrand::Rng;
use tenant_core::{Tenancy, TenantId};

pub use self::{
    builder::LeakCheckBuilder,
    marks::{Mark, Owner},
    report::{Leak, LeakReport},
};
use self::{
    marks::Marks,
    recorded::{Judge, Recorded, Recorder},
    snapshot::Place,
};
use crate::{TestTenants, TestkitError};

/// Finds rows, statements and ids that cross from one tenant to another.
///
/// Rows that can be recognised are planted for several tenants, for one that nobody visits, and in
/// the default schema under the same table names. Then the application is visited for them: one visit
/// after the other, and many at once, whose turns are chosen by a seed, some of them cancelled (as
/// by a client that disconnects) or dropped by a panic half way. What the visits return is searched
/// for what is not their tenant's, what the server was sent is read for tables that are not, and all
/// tables are compared with what they were.
///
/// ```no_run
/// # mod book {
/// #     use sea_orm::entity::prelude::*;
/// #     #[sea_orm::model]
/// #     #[derive(Clone, Debug, DeriveEntityModel)]
/// #     #[sea_orm(table_name = "book", schema_name = "$tenant")]
/// #     pub struct Model { #[sea_orm(primary_key)] pub id: i32, pub title: String }
/// #     impl ActiveModelBehavior for ActiveModel {}
/// #     impl tenant_core::TenantDeclared for Entity {}
/// #     impl tenant_core::TenantScoped for Entity {}
/// # }
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// use sea_orm::EntityTrait as _;
/// use tenant_testkit::{LeakCheck, TestDatabase, TestTenants};
///
/// // One connection for all: what is left behind on it is somebody else's next.
/// let tenants = TestTenants::builder()
///     .configure(|tenancy| tenancy.max_connections(1))
///     .build(TestDatabase::postgres().await?)
///     .await?;
/// let mut check = LeakCheck::builder()
///     .entity(book::Entity)
///     .build(tenants)
///     .await?;
/// let tenancy = check.tenancy().clone();
/// let report = check
///     .run(async |visit| {
///         let db = tenancy.for_tenant(visit.tenant()).await.unwrap();
///         book::Entity::find().all(&db).await
///     })
///     .await?;
/// report.assert_none();
/// # Ok(())
/// # }
/// ```
///
/// # What it cannot see
///
/// - Statements, where the server is not one that this kit has started, and on SQLite, which has no
///   server. The report says so.
/// - Whose a statement is, while several visits are at it: then it is read only for tables that are
///   nobody's to use, and for transactions on tables of two tenants.
/// - What a visit does not return: let it return all that a user would see. Text is found in anything
///   that `Debug` shows, bytes are not.
pub struct LeakCheck {
    tenants: TestTenants,
    visited: Vec<TenantId>,
    marks: Marks,
    tables: Vec<String>,
    places: Vec<Place>,
    recorder: Option<Recorder>,
    judge: Judge,
    random: Rng,
    seed: u64,
    rounds: usize,
}

/// One use of the application by one tenant.
#[derive(Clone, Debug)]
pub struct Visit {
    tenant: TenantId,
    mark: Mark,
}

impl Visit {
    /// For whom.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What to ask for, and what to write.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// Visits that take longer than this do not end.
const PATIENCE: Duration = Duration::from_secs(120);

impl LeakCheck {
    /// With the entities whose tables are looked at, at least.
    pub fn builder() -> LeakCheckBuilder {
        LeakCheckBuilder::default()
    }

    /// How the tenants are reached, for the application that is visited.
    #[must_use]
    pub fn tenancy(&self) -> &Tenancy {
        self.tenants.tenancy()
    }

    /// The tenants, and the database that they are in.
    #[must_use]
    pub fn tenants(&self) -> &TestTenants {
        &self.tenants
    }

    /// The tenants that visits are for.
    #[must_use]
    pub fn visited(&self) -> &[TenantId] {
        &self.visited
    }

    /// Visits an application: calls `visit` many times, for one tenant after the other and for all at
    /// once. What it returns is looked at through `Debug`.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Stuck`] when visits do not end, [`TestkitError::Database`],
    /// [`TestkitError::Io`]. A leak is no error: it is in the report.
    ///
    /// # Panics
    ///
    /// When a visit does.
    pub async fn run<T: fmt::Debug>(
        &mut self,
        visit: impl AsyncFn(Visit) -> T,
    ) -> Result<LeakReport, TestkitError> {
        let mut report = LeakReport {
            seed: self.seed,
            statements: self.recorder.as_ref().map(|_| 0),
            ..LeakReport::default()
        };
        within(self.one_after_the_other(&visit, &mut report)).await?;
        for round in 0..self.rounds {
            within(self.all_at_once(round, &visit, &mut report)).await?;
        }
        Ok(report)
    }

    /// What is wrong with statements that were recorded elsewhere, such as by a proxy or from a server's
    /// log: those of one connection, in their order, all sent for `tenant`. Finds nothing on SQLite,
    /// whose tenants have schemas of one name.
    #[must_use]
    pub fn read<'s>(
        &self,
        tenant: &TenantId,
        statements: impl IntoIterator<Item = &'s str>,
    ) -> Vec<Leak> {
        let statements: Vec<_> = statements
            .into_iter()
            .map(|sql| Recorded {
                session: String::new(),
                sql: sql.to_owned(),
            })
            .collect();
        self.judge.anew().judge(Some(tenant), &statements)
    }

    fn visit_of(&self, tenant: &TenantId) -> Option<Visit> {
        let mark = self.marks.of(&Owner::Tenant(tenant.clone()))?.clone();
        Some(Visit {
            tenant: tenant.clone(),
            mark,
        })
    }
}

async fn within(
    visits: impl Future<Output = Result<(), TestkitError>>,
) -> Result<(), TestkitError> {
    tokio::time::timeout(PATIENCE, visits)
        .await
        .unwrap_or(Err(TestkitError::Stuck { patience: PATIENCE }))
}

impl fmt::Debug for LeakCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeakCheck")
            .field("visited", &self.visited)
            .field("tables", &self.tables)
            .field("records", &self.recorder.is_some())
            .field("seed", &self.seed)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
