//! What would be done, without doing it.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, Serializer};
use tenant_core::{ConnectionInfo, TenantDirectory, TenantId};

use super::{Fleet, Selection};
use crate::{
    MigrationError, SchemaVersion,
    ledger::Direction,
    rehearsal::{Rehearsal, Rehearsed},
};

/// What would be sent for tenants of one kind of database that have the same to do.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The tenants.
    pub tenants: Vec<TenantId>,
    /// The migrations, in the order in which they would be run.
    pub migrations: Vec<PlannedMigration>,
}

/// What a migration would send.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlannedMigration {
    /// Its name.
    #[serde(serialize_with = "as_text")]
    pub migration: Arc<str>,
    /// Its statements, as they were sent in a scratch schema.
    pub statements: Vec<String>,
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// What [`up`](Self::up) would do for a selection, one plan for all tenants that have the same to
    /// do. The SQL is that of a scratch schema, which is brought to the tenants' version first and
    /// is gone afterwards. No tenant's schema is touched, so a migration that looks at rows may do
    /// something else for a tenant that has some. What a migration does to shared tables is taken
    /// back on PostgreSQL only, and there only where all migrations run in transactions. On SQLite,
    /// what a migration sends by `execute_unprepared` is not seen.
    ///
    /// # Errors
    ///
    /// Those of [`tenants`](Self::tenants), and what goes wrong in the scratch schema.
    pub async fn plan_up(
        &self,
        selection: &Selection,
        steps: Option<usize>,
    ) -> Result<Vec<Plan>, MigrationError> {
        self.plan(selection, Direction::Up, steps).await
    }

    /// As [`plan_up`](Self::plan_up), for [`down`](Self::down).
    ///
    /// # Errors
    ///
    /// Those of [`plan_up`](Self::plan_up).
    pub async fn plan_down(
        &self,
        selection: &Selection,
        steps: usize,
    ) -> Result<Vec<Plan>, MigrationError> {
        self.plan(selection, Direction::Down, Some(steps)).await
    }

    async fn plan(
        &self,
        selection: &Selection,
        direction: Direction,
        steps: Option<usize>,
    ) -> Result<Vec<Plan>, MigrationError> {
        let names = self.migrations().names();
        // By the kind of database and what is pending: one of them, and all.
        let mut alike = BTreeMap::<(&str, Vec<usize>), (Arc<ConnectionInfo>, Vec<TenantId>)>::new();
        for tenant in self.status(selection).await? {
            let pending: Vec<usize> = match &tenant.version {
                _ if tenant.out_of_service().is_some() => continue,
                SchemaVersion::UpToDate => Vec::new(),
                SchemaVersion::Behind(pending) => (0..names.len())
                    .filter(|place| pending.contains(&names[*place]))
                    .collect(),
                SchemaVersion::Ahead(_) | SchemaVersion::Missing | SchemaVersion::Unreadable(_) => {
                    continue;
                }
            };
            let Some(place) = tenant.place else { continue };
            let backend = place.url().backend().as_str();
            let (_, tenants) = alike
                .entry((backend, pending))
                .or_insert_with(|| (place, Vec::new()));
            tenants.push(tenant.tenant);
        }
        let mut plans = Vec::new();
        for ((_, pending), (beside, tenants)) in alike {
            let applied: Vec<usize> = (0..names.len())
                .filter(|place| !pending.contains(place))
                .collect();
            let mut then = match direction {
                Direction::Up => pending,
                Direction::Down => applied.iter().rev().copied().collect(),
            };
            then.truncate(steps.unwrap_or(usize::MAX));
            if then.is_empty() {
                continue;
            }
            let rehearsed = self
                .rehearse(&beside, applied, then.clone(), direction)
                .await?;
            let migrations = then.iter().zip(rehearsed.statements);
            plans.push(Plan {
                tenants,
                migrations: migrations
                    .map(|(place, statements)| PlannedMigration {
                        migration: Arc::clone(&names[*place]),
                        statements,
                    })
                    .collect(),
            });
        }
        Ok(plans)
    }

    pub(crate) async fn rehearse(
        &self,
        beside: &Arc<ConnectionInfo>,
        before: Vec<usize>,
        then: Vec<usize>,
        direction: Direction,
    ) -> Result<Rehearsed, MigrationError> {
        let rehearsal = Rehearsal {
            beside: Arc::clone(beside),
            migrations: self.migrations().clone(),
            before,
            then,
            direction,
        };
        rehearsal.run(self.tenancy()).await
    }

    /// What Citus would refuse of the migrations, tried beside a tenant, whose database is of
    /// PostgreSQL.
    ///
    /// # Errors
    ///
    /// What goes wrong in the scratch schema.
    #[cfg(feature = "lint")]
    pub async fn lint(
        &self,
        lint: crate::lint::Lint,
        beside: &Arc<ConnectionInfo>,
    ) -> Result<Vec<crate::lint::Finding>, MigrationError> {
        if beside.url().backend() != sea_orm::DbBackend::Postgres {
            return Err(MigrationError::Configuration(
                "Citus is of PostgreSQL: lint beside a tenant that is there".to_owned(),
            ));
        }
        let all = (0..self.migrations().names().len()).collect();
        let rehearsed = self
            .rehearse(beside, Vec::new(), all, Direction::Up)
            .await?;
        let statements = rehearsed.statements.concat();
        Ok(lint.scratch_schema(&rehearsed.schema).check(&statements))
    }
}

fn as_text<S: Serializer>(name: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name)
}
