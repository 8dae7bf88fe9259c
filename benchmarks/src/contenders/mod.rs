//! The ways in which an application can serve its tenants, each as its users would write it.

mod by_hand;
mod lanes;
mod ours;
mod plain;
mod pool_each;
mod search_path;
mod set_local;
mod shared_pool;
mod texts;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use clap::ValueEnum;

use self::{lanes::Lanes, ours::Ours};
use crate::{BoxError, load::Request, tenants::Tenants};

/// Answers requests.
#[async_trait::async_trait]
pub trait Contender: Send + Sync {
    /// Answers one.
    async fn answer(&self, request: Request) -> Result<(), BoxError>;

    /// Closes all connections.
    async fn close(&self);
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// One tenant on plain SeaORM, with one pool and SeaORM's defaults. Whoever asks gets the first
    /// tenant's answer.
    Plain,
    /// The same without the ping before a connection is used.
    PlainWithoutPing,
    /// sqlx and SQL that was qualified beforehand, on lanes like ours: the limit.
    ByHand,
    /// The same on connections that are in no pool: what a ping less after each use would give.
    ByHandHeld,
    /// This product.
    Ours,
    /// This product with a database role for each tenant, by a login that has no other rights.
    OursWithRoles,
    /// This product with connections that all serve all tenants.
    OursWithoutLanes,
    /// `TenantConnection` on one pool with the driver's default cache, 100 statements a connection.
    SharedPool,
    /// The same with caches that forget nothing.
    SharedPoolLargeCaches,
    /// `SET LOCAL search_path` in a transaction for each request.
    SetLocal,
    /// `SET search_path` on each connection that is acquired.
    SearchPath,
    /// A pool for each tenant, as many as the server allows.
    PoolEach,
}

impl Way {
    /// In tables.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Plain => "one tenant, plain SeaORM",
            Self::PlainWithoutPing => "one tenant, plain SeaORM without its ping",
            Self::ByHand => "qualified by hand, sqlx, same lanes",
            Self::ByHandHeld => "the same, in no pool",
            Self::Ours => "**sea-orm-tenant**",
            Self::OursWithRoles => "sea-orm-tenant with database roles",
            Self::OursWithoutLanes => "sea-orm-tenant without lanes",
            Self::SharedPool => "one pool, caches of 100",
            Self::SharedPoolLargeCaches => "one pool, caches that forget nothing",
            Self::SetLocal => "`SET LOCAL` in a transaction",
            Self::SearchPath => "`SET search_path` when acquired",
            Self::PoolEach => "a pool for each tenant",
        }
    }

    /// Opens it, with connections of its own, which are opened when they are needed.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn open(self, tenants: &Tenants, limits: Limits) -> Result<Open, BoxError> {
        let opened = OPENED.fetch_add(1, Ordering::Relaxed);
        // Names of applications have 63 bytes at most.
        let application = format!("bench-{opened}-{self:?}").to_lowercase();
        let to = To {
            tenants,
            limits,
            application: &application,
        };
        let contender: Arc<dyn Contender> = match self {
            Self::Plain => Arc::new(plain::Plain::open(&to, true).await?),
            Self::PlainWithoutPing => Arc::new(plain::Plain::open(&to, false).await?),
            Self::ByHand => Arc::new(by_hand::ByHand::open(&to, Lanes::of_pools(&to)?)),
            Self::ByHandHeld => Arc::new(by_hand::ByHand::open(
                &to,
                Lanes::of_connections(&to).await?,
            )),
            Self::Ours => Arc::new(Ours::open(&to, true, None)?),
            Self::OursWithRoles => {
                let roles = Some(tenants.give_roles().await?);
                Arc::new(Ours::open(&to, true, roles)?)
            }
            Self::OursWithoutLanes => Arc::new(Ours::open(&to, false, None)?),
            Self::SharedPool => Arc::new(shared_pool::SharedPool::open(&to, 100).await?),
            Self::SharedPoolLargeCaches => {
                Arc::new(shared_pool::SharedPool::open(&to, EVERYTHING).await?)
            }
            Self::SetLocal => Arc::new(set_local::SetLocal::open(&to).await?),
            Self::SearchPath => Arc::new(search_path::SearchPath::open(&to)?),
            Self::PoolEach => Arc::new(pool_each::PoolEach::open(&to)),
        };
        Ok(Open {
            way: self,
            contender,
            application,
        })
    }
}

/// More statements than any measurement has.
const EVERYTHING: usize = 1_000_000;
static OPENED: AtomicUsize = AtomicUsize::new(0);

/// What contenders may take, the same for all of them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections.
    pub connections: u32,
    /// Of those, how many one tenant may use.
    pub connections_per_tenant: u32,
    /// Prepared statements of all connections together.
    pub statements: usize,
    /// How many tenants a connection serves before it is replaced: ours only.
    pub tenants_per_connection: usize,
    /// Connections of [`Way::PoolEach`].
    pub pools: u32,
}

/// Where a contender connects to.
struct To<'a> {
    tenants: &'a Tenants,
    limits: Limits,
    application: &'a str,
}

/// A contender that was opened.
pub struct Open {
    pub way: Way,
    pub contender: Arc<dyn Contender>,
    /// By which the server knows its connections.
    pub application: String,
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Open").field(&self.application).finish()
    }
}
