//! The commands of a user's `migration` program.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use tenant_core::MemoryStore;
//! use tenant_migration::{Fleet, Migrations, cli::Cli};
//! # use sea_orm_migration::prelude::*;
//! # struct SharedMigrator;
//! # impl MigratorTrait for SharedMigrator {
//! #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { Vec::new() }
//! # }
//! # struct TenantMigrator;
//! # impl MigratorTrait for TenantMigrator {
//! #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { Vec::new() }
//! # }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     Cli::new()
//!         .shared::<SharedMigrator>()
//!         .run(async |settings| {
//!             // Or `DatabaseStore::new(settings.shared().await?, keys)`.
//!             let registry = MemoryStore::from_file("tenants.json")?;
//!             Ok(Fleet::builder(registry, Migrations::of::<TenantMigrator>()?))
//!         })
//!         .await
//! }
//! ```
//!
//! `examples/migration` is a complete one; `migration --help` tells of the commands.
//!
//! # Exit codes
//!
//! | code | means |
//! |---|---|
//! | 0 | all is well |
//! | 1 | somebody failed or was left out; `drift` or `lint` found something; `status --check` found somebody who is not up to date |
//! | 2 | refused, and nothing was changed: wrong usage, a tenant that is unknown or in another status, no consent |
//! | 3 | nothing could be begun: the registry or a database could not be opened |
//! | 130 | ended at once, by a second Ctrl-C or SIGTERM |
//!
//! Results are written to the standard output, with `--json` as one document; progress, questions and
//! errors go to the standard error. No URL of a database is written to either.

mod arguments;
mod commands;
mod console;
mod failure;
mod interrupt;
mod progress;
mod settings;
mod shared;
mod table;

use std::{fmt, process::ExitCode, sync::Arc};

use clap::{CommandFactory as _, FromArgMatches as _};
use sea_orm_migration::MigratorTrait;
use tenant_core::TenantRegistry;

pub use self::settings::Settings;
use self::{
    arguments::{Arguments, Command},
    commands::Program,
    console::Console,
    failure::{Failure, Verdict},
    shared::SharedMigrations,
};
use crate::{FleetBuilder, Provision};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Prepare = Arc<dyn Fn(Provision) -> Provision + Send + Sync>;

/// A program that migrates tenants' schemas: its commands are read from the command line.
#[derive(Default)]
#[must_use = "it does nothing until it is run"]
pub struct Cli {
    shared: Option<Box<dyn SharedMigrations>>,
    prepare: Option<Prepare>,
    database: Option<String>,
}

impl Cli {
    /// A program with the commands for tenants.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `shared up`, `shared down` and `shared status`: the migrations of the tables that all
    /// tenants read.
    pub fn shared<M: MigratorTrait + 'static>(mut self) -> Self {
        self.shared = Some(shared::of::<M>());
        self
    }

    /// What `create` adds to a tenant that is to be made: its seed, a hook.
    pub fn provision(
        mut self,
        prepare: impl Fn(Provision) -> Provision + Send + Sync + 'static,
    ) -> Self {
        self.prepare = Some(Arc::new(prepare));
        self
    }

    /// The database where neither `--database-url` nor `DATABASE_URL` names one. Default: none.
    pub fn default_database(mut self, url: impl Into<String>) -> Self {
        self.database = Some(url.into());
        self
    }

    /// Reads the command line and does what it says. `fleet` opens the registry; it is called when
    /// the command line makes sense, and not for `shared`.
    ///
    /// Of the builder that it returns, what the command line says is set afterwards.
    pub async fn run<R: TenantRegistry + 'static>(
        self,
        fleet: impl AsyncFnOnce(&Settings) -> Result<FleetBuilder<R>, BoxError>,
    ) -> ExitCode {
        let arguments = match self.arguments() {
            Ok(arguments) => arguments,
            Err(error) => {
                // Nobody is there to be told that nobody can be told.
                let _ = error.print();
                return match error.use_stderr() {
                    true => failure::REFUSED.into(),
                    false => ExitCode::SUCCESS,
                };
            }
        };
        let console = Console::new(&arguments.global);
        console.install_logs(arguments.global.verbose);
        match self.work(arguments, &console, fleet).await {
            Ok(verdict) => verdict.into(),
            Err(failure) => {
                console.fail(&failure);
                failure.code().into()
            }
        }
    }

    fn arguments(&self) -> Result<Arguments, clap::Error> {
        let is_hidden = self.shared.is_none();
        let command =
            Arguments::command().mut_subcommand("shared", |shared| shared.hide(is_hidden));
        let matches = command.try_get_matches().map_err(arguments::redacted)?;
        Arguments::from_arg_matches(&matches)
    }

    async fn work<R: TenantRegistry + 'static>(
        self,
        arguments: Arguments,
        console: &Console,
        fleet: impl AsyncFnOnce(&Settings) -> Result<FleetBuilder<R>, BoxError>,
    ) -> Result<Verdict, Failure> {
        let Arguments { command, global } = arguments;
        let settings = Settings::new(&global, self.database)?;
        if let Some(what) = command.what_needs_consent() {
            console.expect_somebody_to_ask(what)?;
        }
        if let Command::Drop(drop) = &command {
            drop.expect_confirmation()?;
        }
        if let Command::Shared { command } = command {
            return commands::shared(self.shared.as_deref(), &settings, console, command).await;
        }
        let mut builder = fleet(&settings).await?;
        if std::env::var_os("TENANT_ENV").is_some_and(|name| name == "development") {
            builder = builder.development(true);
        }
        let program = Program {
            fleet: command.configure(builder).build()?,
            settings: &settings,
            console,
            prepare: self.prepare,
        };
        program.run(command).await
    }
}

impl fmt::Debug for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cli")
            .field("shared", &self.shared.is_some())
            .field("provision", &self.prepare.is_some())
            .finish_non_exhaustive()
    }
}
