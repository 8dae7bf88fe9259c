//! What the commands do.

mod drift;
mod lint;
mod migrate;
mod plan;
mod shared;
mod status;
mod tenants;

use tenant_core::{PlacedTenant, TenantRegistry};

pub(super) use self::shared::shared;
use super::{
    Prepare,
    arguments::{Command, Tenants},
    console::Console,
    failure::{Failure, Verdict},
    settings::Settings,
};
use crate::{Fleet, Selection, fleet::has_schema};

/// What a command needs.
pub(super) struct Program<'c, R> {
    pub(super) fleet: Fleet<R>,
    pub(super) settings: &'c Settings,
    pub(super) console: &'c Console,
    pub(super) prepare: Option<Prepare>,
}

impl<R: TenantRegistry + 'static> Program<'_, R> {
    pub(super) async fn run(&self, command: Command) -> Result<Verdict, Failure> {
        match command {
            Command::Create(create) => self.create(create).await,
            Command::List(list) => self.list(list).await,
            Command::Status(status) => self.status(status).await,
            Command::Up(up) => self.up(up).await,
            Command::Down(down) => self.down(down).await,
            Command::Fresh(fresh) => self.fresh(fresh).await,
            Command::Roles(roles) => self.roles(roles).await,
            Command::Drift(drift) => self.drift(drift).await,
            Command::Lint(lint) => self.lint(lint).await,
            Command::Rename(rename) => self.rename(rename).await,
            Command::Clone(clone) => self.clone_tenant(clone).await,
            Command::Archive(archive) => self.archive(archive).await,
            Command::Drop(drop) => self.drop_tenant(drop).await,
            Command::Shared { .. } => Ok(Verdict::Well),
        }
    }

    /// A selection, and those of it that have a schema to keep up to date.
    async fn select(&self, tenants: &Tenants) -> Result<(Selection, usize), Failure> {
        let selection = tenants.selection()?;
        let tenants = self.fleet.tenants(&selection).await?;
        // One whose entry makes no sense counts: it is reported, too.
        let is_worked_on = |tenant: &&PlacedTenant| {
            let info = tenant.info.as_ref();
            info.map_or(true, |info| has_schema(info.status))
        };
        let number = tenants.iter().filter(is_worked_on).count();
        Ok((selection, number))
    }
}
