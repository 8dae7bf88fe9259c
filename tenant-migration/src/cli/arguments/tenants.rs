use clap::Args;
use tenant_core::TenantId;

use super::{fleet::Citus, parse::tenant_id};
use crate::cli::failure::Failure;

/// `create`
#[derive(Args)]
pub(in crate::cli) struct Create {
    /// The tenant's id: lowercase letters, digits, `_` and `-`
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) id: TenantId,
    /// What people call the tenant [default: its id]
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    /// What the tenant pays for
    #[arg(long)]
    pub(in crate::cli) plan: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) citus: Citus,
}

/// `rename`
#[derive(Args)]
pub(in crate::cli) struct Rename {
    /// The tenant's id
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) from: TenantId,
    /// The id that it is to have
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) to: TenantId,
}

/// `clone`
#[derive(Args)]
pub(in crate::cli) struct Clone {
    /// The tenant that is there
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) from: TenantId,
    /// The id of the new one, which is made in the same database
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) to: TenantId,
    /// With all rows, and not only those that the migrations write
    #[arg(long)]
    pub(in crate::cli) data: bool,
    /// What people call the new one [default: its id]
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) citus: Citus,
}

/// `archive`
#[derive(Args)]
pub(in crate::cli) struct Archive {
    /// The tenant
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) id: TenantId,
}

/// `drop`
#[derive(Args)]
pub(in crate::cli) struct Drop {
    /// The tenant, which is archived or was never served
    #[arg(value_parser = tenant_id)]
    pub(in crate::cli) id: TenantId,
    /// Its id, said again: this cannot be undone
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) confirm: String,
}

impl Drop {
    pub(in crate::cli) fn expect_confirmation(&self) -> Result<(), Failure> {
        if self.id.as_str() == self.confirm {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "dropping tenant {id} cannot be undone: confirm it with --confirm {id}",
            id = self.id
        )))
    }
}
