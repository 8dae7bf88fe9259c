use std::{fmt, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use tenant_core::{TenantId, TenantStatus};

use crate::MigrationError;

/// What came of work on many tenants: one entry for each, in the order of their ids.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FleetReport {
    /// The tenants.
    pub tenants: Vec<TenantReport>,
}

/// What came of work on one tenant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TenantReport {
    /// The tenant.
    pub tenant: TenantId,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// What came of work on one tenant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// So many migrations were applied, or taken back.
    Migrated(usize),
    /// The tenant has its database role, and that has its rights.
    RoleGranted,
    /// There was nothing to do.
    UpToDate,
    /// It failed. What it did until then is kept, and it goes on from there the next time.
    Failed(MigrationError),
    /// It was not begun.
    Skipped(Skipped),
}

/// Why a tenant was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skipped {
    /// It is in a status in which it has no schema to keep up to date.
    Status(TenantStatus),
    /// A canary failed.
    CanaryFailed,
    /// More tenants failed than the budget allows.
    TooManyFailures,
    /// Somebody asked to stop.
    Stopped,
}

/// How many tenants had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Something was done, and went well.
    pub succeeded: usize,
    /// There was nothing to do.
    pub up_to_date: usize,
    /// It failed.
    pub failed: usize,
    /// It was not begun.
    pub skipped: usize,
}

impl FleetReport {
    /// How many tenants had which outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tenant in &self.tenants {
            *match tenant.outcome {
                Outcome::Migrated(_) | Outcome::RoleGranted => &mut counts.succeeded,
                Outcome::UpToDate => &mut counts.up_to_date,
                Outcome::Failed(_) => &mut counts.failed,
                Outcome::Skipped(_) => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// Whether all that was to be done is done: nobody failed, and nobody was left out for another
    /// reason than a status.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.tenants.iter().all(|tenant| match tenant.outcome {
            Outcome::Migrated(_) | Outcome::RoleGranted | Outcome::UpToDate => true,
            Outcome::Skipped(why) => matches!(why, Skipped::Status(_)),
            Outcome::Failed(_) => false,
        })
    }

    /// The tenant's entry.
    #[must_use]
    pub fn tenant(&self, tenant: &TenantId) -> Option<&TenantReport> {
        self.tenants.iter().find(|entry| entry.tenant == *tenant)
    }
}

impl TenantReport {
    pub(crate) fn new(tenant: TenantId, outcome: Outcome) -> Self {
        Self {
            tenant,
            outcome,
            took: Duration::ZERO,
        }
    }
}

impl Outcome {
    /// One word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Migrated(_) | Self::RoleGranted => "succeeded",
            Self::UpToDate => "up_to_date",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrated(1) => write!(f, "1 migration"),
            Self::Migrated(number) => write!(f, "{number} migrations"),
            Self::RoleGranted => write!(f, "has its role"),
            Self::UpToDate => write!(f, "up to date"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Skipped(why) => write!(f, "skipped: {why}"),
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it is {status}"),
            Self::CanaryFailed => write!(f, "a canary failed"),
            Self::TooManyFailures => write!(f, "too many others failed"),
            Self::Stopped => write!(f, "stopped before it was begun"),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            succeeded,
            up_to_date,
            failed,
            skipped,
        } = self;
        write!(
            f,
            "{succeeded} succeeded, {up_to_date} up to date, {failed} failed, {skipped} skipped"
        )
    }
}

/// The counts, and the tenants.
impl Serialize for FleetReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = self.counts();
        let mut report = serializer.serialize_struct("FleetReport", 5)?;
        report.serialize_field("succeeded", &counts.succeeded)?;
        report.serialize_field("up_to_date", &counts.up_to_date)?;
        report.serialize_field("failed", &counts.failed)?;
        report.serialize_field("skipped", &counts.skipped)?;
        report.serialize_field("tenants", &self.tenants)?;
        report.end()
    }
}

impl Serialize for TenantReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("TenantReport", 5)?;
        report.serialize_field("tenant", &self.tenant)?;
        report.serialize_field("outcome", self.outcome.word())?;
        report.serialize_field("took_ms", &(self.took.as_secs_f64() * 1000.0))?;
        match &self.outcome {
            Outcome::Migrated(number) => report.serialize_field("migrations", number)?,
            Outcome::RoleGranted | Outcome::UpToDate => {}
            Outcome::Failed(error) => report.serialize_field("error", &error.to_string())?,
            Outcome::Skipped(why) => report.serialize_field("reason", &why.to_string())?,
        }
        report.end()
    }
}
