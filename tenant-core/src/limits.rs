use std::time::Duration;

/// What one tenant may use of its database: see
/// [`TenancyBuilder::limits`](crate::TenancyBuilder::limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "limits hold for the tenant that they are returned for"]
pub struct TenantLimits {
    pub(crate) connections: Option<usize>,
    pub(crate) statement_timeout: Option<Duration>,
}

impl TenantLimits {
    /// On how many connections at a time its statements may run, at least one and at most all.
    /// Default: [`connections_per_tenant`](crate::TenancyBuilder::connections_per_tenant).
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = Some(connections.max(1));
        self
    }

    /// How long the server works on one statement of the tenant's before it gives up, in
    /// milliseconds: at least one, at most 24 days. Then the statement fails with
    /// [`TenantError::StatementTimeout`](crate::TenantError::StatementTimeout). Default: as long as
    /// the server's own settings say.
    ///
    /// It costs a round trip when a connection goes from a tenant to one with another limit, and one
    /// at the beginning of each transaction.
    ///
    /// - **PostgreSQL**: `statement_timeout`. In a transaction it is for each statement.
    /// - **MariaDB**: `max_statement_time`. **MySQL**: `max_execution_time`, which is about `SELECT`
    ///   only.
    /// - **SQLite** has none, and this does nothing.
    ///
    /// It is no wall: raw SQL can set another one, for as long as its statement or transaction takes. Do
    /// not use it behind a pooler that gives each transaction another server connection: it would reach
    /// others.
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout.clamp(Duration::from_millis(1), LONGEST));
        self
    }
}

/// What PostgreSQL can count, in milliseconds.
const LONGEST: Duration = Duration::from_millis(i32::MAX as u64);
