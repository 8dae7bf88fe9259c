use std::{num::NonZeroUsize, time::Duration};

use clap::Args;
use tenant_core::{TenantId, TenantRegistry, TenantStatus};

use super::parse::{Canary, canary, duration, selected, share, tenant_id, tenants_file};
use crate::{FleetBuilder, MigrationError, Rollout, Selection, Share};

/// Which tenants.
#[derive(Args)]
pub(in crate::cli) struct Tenants {
    /// The tenants: ids, or patterns like 'eu-*' [default: all]
    #[arg(value_name = "TENANT", value_parser = selected)]
    words: Vec<String>,
    /// Those that a file names, one id a line
    #[arg(long, value_name = "FILE", value_parser = tenants_file, conflicts_with = "words")]
    tenants_file: Option<Selection>,
}

impl Tenants {
    pub(in crate::cli) fn selection(&self) -> Result<Selection, MigrationError> {
        match &self.tenants_file {
            Some(selection) => Ok(selection.clone()),
            None => Selection::parse(&self.words),
        }
    }
}

/// How much at once.
#[derive(Args)]
pub(in crate::cli) struct Connections {
    /// How many tenants are worked on at once [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,
    /// About how many connections are open at once, at least 2: two for each worker
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..))]
    max_connections: Option<u32>,
}

impl Connections {
    pub(super) fn configure<R: TenantRegistry + 'static>(
        &self,
        mut builder: FleetBuilder<R>,
    ) -> FleetBuilder<R> {
        if let Some(workers) = self.workers {
            builder = builder.workers(workers.get());
        }
        if let Some(connections) = self.max_connections {
            let connections = usize::try_from(connections).unwrap_or(usize::MAX);
            builder = builder.max_connections(connections);
        }
        builder
    }
}

/// How long to wait.
#[derive(Args)]
pub(in crate::cli) struct Patience {
    /// How long a statement waits for a lock; then it is tried again [default: 2s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    lock_timeout: Option<Duration>,
    /// The longest that one tenant may take [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    tenant_timeout: Option<Duration>,
}

impl Patience {
    pub(super) fn configure<R: TenantRegistry + 'static>(
        &self,
        mut builder: FleetBuilder<R>,
    ) -> FleetBuilder<R> {
        if let Some(timeout) = self.lock_timeout {
            builder = builder.lock_timeout(timeout);
        }
        if let Some(timeout) = self.tenant_timeout {
            builder = builder.tenant_timeout(timeout);
        }
        builder
    }
}

/// Whether schemas are made as Citus needs it.
#[derive(Args)]
pub(in crate::cli) struct Citus {
    /// Make the schema as Citus's schema-based sharding needs it
    #[arg(long)]
    citus: bool,
}

impl Citus {
    pub(super) fn configure<R: TenantRegistry + 'static>(
        &self,
        builder: FleetBuilder<R>,
    ) -> FleetBuilder<R> {
        match self.citus {
            true => builder.citus(true),
            false => builder,
        }
    }
}

/// Whom to begin with, and when to stop.
#[derive(Args)]
pub(in crate::cli) struct InWaves {
    /// Begin with these (acme,globex or 5%); if one fails, nobody else is touched
    #[arg(long, value_name = "TENANTS", value_parser = canary)]
    canary: Option<Canary>,
    /// Go on with these shares one by one (10%,50%), then with the rest
    #[arg(long, value_name = "SHARES", value_delimiter = ',', value_parser = share)]
    waves: Vec<Share>,
    /// How many tenants may fail before no other is begun [default: 10]
    #[arg(long, value_name = "N")]
    max_failures: Option<usize>,
}

impl InWaves {
    pub(in crate::cli) fn rollout(&self) -> Rollout {
        let mut rollout = Rollout::default().with_waves(self.waves.iter().copied());
        if let Some(canary) = &self.canary {
            rollout = canary.begin(rollout);
        }
        match self.max_failures {
            Some(failures) => rollout.with_max_failures(failures),
            None => rollout,
        }
    }
}

/// `list`
#[derive(Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    pub(in crate::cli) tenants: Tenants,
    /// Only those in this status: active, suspended, archived, ..
    #[arg(long)]
    pub(in crate::cli) status: Option<TenantStatus>,
}

/// `status`
#[derive(Args)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    pub(in crate::cli) tenants: Tenants,
    /// Show all tenants, not only those that are not up to date
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// Exit with 1 when somebody is not up to date
    #[arg(long)]
    pub(in crate::cli) check: bool,
    #[command(flatten)]
    pub(in crate::cli) connections: Connections,
}

/// What `up` and `down` have in common.
#[derive(Args)]
pub(in crate::cli) struct Migrate {
    #[command(flatten)]
    pub(in crate::cli) tenants: Tenants,
    /// Write the SQL that would be sent, and change no tenant
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Show all tenants, not only those with whom something is wrong
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    pub(in crate::cli) waves: InWaves,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    patience: Patience,
}

impl Migrate {
    pub(super) fn configure<R: TenantRegistry + 'static>(
        &self,
        builder: FleetBuilder<R>,
    ) -> FleetBuilder<R> {
        self.patience.configure(self.connections.configure(builder))
    }
}

/// `up`
#[derive(Args)]
pub(in crate::cli) struct Up {
    #[command(flatten)]
    pub(in crate::cli) migrate: Migrate,
    /// At most so many migrations of each tenant [default: all]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) steps: Option<NonZeroUsize>,
}

/// `down`
#[derive(Args)]
pub(in crate::cli) struct Down {
    #[command(flatten)]
    pub(in crate::cli) migrate: Migrate,
    /// So many migrations of each tenant
    #[arg(long, value_name = "N", default_value = "1")]
    pub(in crate::cli) steps: NonZeroUsize,
}

/// `fresh`
#[derive(Args)]
pub(in crate::cli) struct Fresh {
    #[command(flatten)]
    pub(in crate::cli) tenants: Tenants,
    /// Show all tenants, not only those with whom something is wrong
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    pub(in crate::cli) connections: Connections,
    #[command(flatten)]
    pub(in crate::cli) citus: Citus,
}

/// `roles`
#[derive(Args)]
pub(in crate::cli) struct Roles {
    #[command(flatten)]
    pub(in crate::cli) tenants: Tenants,
    /// Show all tenants, not only those with whom something is wrong
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    pub(in crate::cli) connections: Connections,
}

/// `drift`
#[derive(Args)]
pub(in crate::cli) struct Drift {
    #[command(flatten)]
    pub(in crate::cli) tenants: Tenants,
    /// Compare with this tenant, and not with what the migrations make
    #[arg(long, value_name = "TENANT", value_parser = tenant_id)]
    pub(in crate::cli) reference: Option<TenantId>,
    /// Show all that have drifted
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    pub(in crate::cli) connections: Connections,
}

/// `lint`
#[derive(Args)]
pub(in crate::cli) struct Lint {
    /// A shared table that is on every node, as public.genre; may be repeated
    #[arg(long, value_name = "TABLE")]
    pub(in crate::cli) reference_table: Vec<String>,
}
