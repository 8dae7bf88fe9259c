/// How a data source is used: its lanes, each of which is one connection with tenants of its own.
///
/// A tenant waits a little for its own lane before it goes on to its next one. So many waits are
/// nothing to worry about; many spills, compared with what was acquired, say that there are too few
/// connections, or too few for one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataSourceStatistics {
    /// The database, without names of users and without passwords.
    pub place: String,
    /// How many connections there may be.
    pub max_connections: usize,
    /// How many are open.
    pub open: usize,
    /// How many are in use.
    pub busy: usize,
    /// How many statements and transactions wait for a connection.
    pub waiting: usize,
    /// The most tenants, about, that one of the connections not in use has served since it was
    /// opened.
    pub most_tenants: usize,
    /// How often somebody got a connection.
    pub acquired: u64,
    /// How many of those were not the tenant's first choice, which was busy.
    pub spilled: u64,
    /// How often somebody had to wait.
    pub waited: u64,
    /// How often as many waited for the tenant as may.
    pub refused: u64,
    /// How often somebody waited in vain.
    pub timed_out: u64,
    /// How many connections were opened after the first one, others replaced among them.
    pub opened: u64,
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) acquired: u64,
    pub(super) spilled: u64,
    pub(super) waited: u64,
    pub(super) refused: u64,
    pub(super) timed_out: u64,
    pub(super) opened: u64,
}
