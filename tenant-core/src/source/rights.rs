//! Who may use what: how many of a data source's connections, and what is set on them.

use std::hash::BuildHasher as _;

use sea_orm::DbBackend;
use smol_str::SmolStr;

use super::{
    DataSources, DatabaseUrl, Names, SourceConnection,
    lanes::Affinity,
    session::{Session, Setting},
};
use crate::{ConnectionInfo, Placement, TenantError, TenantId, TenantLimits};

/// What a tenant's connection may do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rights {
    pub(crate) limits: TenantLimits,
    /// Whether it changes the schema itself, and not as the tenant's role.
    pub(crate) is_owner: bool,
}

impl DataSources {
    /// A tenant's connection to where it is placed.
    pub(crate) async fn connect_tenant(
        &self,
        id: &TenantId,
        placed: &ConnectionInfo,
        rights: Rights,
    ) -> Result<SourceConnection, TenantError> {
        let limits = rights.limits;

        let is_alone = placed.placement() == Placement::Dedicated
            || placed.url().backend() == DbBackend::Sqlite;
        let lanes = match (limits.connections, is_alone) {
            (Some(connections), _) => connections,
            (None, true) => usize::MAX,
            (None, false) => self.options.connections_of_one(),
        };
        let affinity = Affinity {
            key: self.hasher.hash_one(id),
            lanes,
        };
        let names = match self.options.is_strict {
            true => Names::Nothing,
            false => Names::Shared,
        };
        let role = match (&self.options.roles, rights.is_owner) {
            (Some(roles), false) => roles.role_at(placed)?,
            _ => None,
        };
        if role.is_some() && placed.url().is_pooled_by_transaction() {
            return Err(TenantError::Configuration(
                "`database_roles` needs server connections that stay one's own between transactions, and `statement-cache-capacity=0` says that they do not: connect past the pooler, or have it pool sessions"
                    .to_owned(),
            ));
        }
        let session = self.session(limits, role);
        self.connect(placed.url(), names, affinity, session).await
    }

    /// A connection to the database for what is no tenant's.
    pub(crate) async fn connect_shared(
        &self,
        url: &DatabaseUrl,
    ) -> Result<SourceConnection, TenantError> {
        let affinity = Affinity {
            key: 0,
            lanes: usize::MAX,
        };
        let session = self.session(TenantLimits::default(), None);
        self.connect(url, Names::Shared, affinity, session).await
    }

    /// What is set on a connection for somebody, of what is set for anybody.
    fn session(&self, limits: TenantLimits, role: Option<SmolStr>) -> Session {
        Session {
            statement_timeout: Setting::of(self.options.has_limits, limits.statement_timeout),
            role: Setting::of(self.options.roles.is_some(), role),
        }
    }
}
