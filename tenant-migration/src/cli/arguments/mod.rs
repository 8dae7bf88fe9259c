//! What can be said on the command line. Whatever is wrong with it is said before anything is done.

mod fleet;
mod parse;
mod tenants;

use clap::{Args, Parser, Subcommand};
use tenant_core::TenantRegistry;

pub(super) use self::{
    fleet::{Down, Drift, Fresh, Lint, List, Roles, Status, Tenants, Up},
    parse::redacted,
    tenants::{Archive, Clone, Create, Drop, Rename},
};
use crate::FleetBuilder;

/// Makes, migrates and removes the schemas of tenants.
#[derive(Parser)]
#[command(arg_required_else_help = true, after_help = AFTER)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) global: Global,
}

const AFTER: &str = "\
Set database URLs in the environment: other users of a machine can see command lines.

Exit codes:
  0    all is well
  1    somebody failed or was left out, or something was found (drift, lint, status --check)
  2    refused, and nothing was changed
  3    nothing could be begun: the registry or a database could not be opened
  130  ended at once, by a second Ctrl-C";

#[derive(Args)]
pub(super) struct Global {
    /// Where new tenants are placed; on SQLite a directory
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "DATABASE_URL",
        hide_env_values = true,
        help_heading = "Everywhere"
    )]
    pub(super) database_url: Option<String>,
    /// Where shared tables are, if elsewhere
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "SHARED_DATABASE_URL",
        hide_env_values = true,
        help_heading = "Everywhere"
    )]
    pub(super) shared_database_url: Option<String>,
    /// Write the result as one JSON document
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(super) json: bool,
    /// Do not ask: for scripts
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub(super) yes: bool,
    /// Tell what is done on the way; RUST_LOG tells more
    #[arg(long, short, global = true, help_heading = "Everywhere")]
    pub(super) verbose: bool,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Make a tenant: its entry, its schema, its tables, its first rows
    Create(Create),
    /// List tenants
    List(List),
    /// Tell which tenants are behind the migrations
    Status(Status),
    /// Apply the migrations that are pending
    Up(Up),
    /// Take back the latest migrations
    Down(Down),
    /// Drop all tables and make them anew; in development only (TENANT_ENV=development)
    Fresh(Fresh),
    /// Give tenants the database roles that their statements run under; PostgreSQL
    Roles(Roles),
    /// Tell whose schemas are not what the migrations make
    Drift(Drift),
    /// Tell what Citus refuses of the migrations; needs PostgreSQL
    Lint(Lint),
    /// Give a tenant another id, and its schema the name that goes with it
    Rename(Rename),
    /// Make a tenant that is like another one
    Clone(Clone),
    /// Take a tenant out of service and keep its data, in a schema of another name
    Archive(Archive),
    /// Remove an archived tenant and its data
    Drop(Drop),
    /// Migrate the tables that all tenants read
    Shared {
        #[command(subcommand)]
        command: Shared,
    },
}

/// `shared ..`
#[derive(Subcommand)]
pub(super) enum Shared {
    /// Tell which migrations are pending
    Status {
        /// Exit with 1 when some are
        #[arg(long)]
        check: bool,
    },
    /// Apply those that are pending. One program at a time
    Up {
        /// At most so many
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        steps: Option<u32>,
    },
    /// Take back the latest
    Down {
        /// So many
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        steps: u32,
    },
}

impl Command {
    /// The command's name, when it takes something away.
    pub(super) fn what_needs_consent(&self) -> Option<&'static str> {
        match self {
            Self::Down(down) if !down.migrate.dry_run => Some("down"),
            Self::Fresh(_) => Some("fresh"),
            Self::Archive(_) => Some("archive"),
            Self::Drop(_) => Some("drop"),
            Self::Shared {
                command: Shared::Down { .. },
            } => Some("shared down"),
            _ => None,
        }
    }

    /// What is said about the fleet as a whole.
    pub(super) fn configure<R: TenantRegistry + 'static>(
        &self,
        builder: FleetBuilder<R>,
    ) -> FleetBuilder<R> {
        match self {
            Self::Create(create) => create.citus.configure(builder),
            Self::Clone(clone) => clone.citus.configure(builder),
            Self::Status(status) => status.connections.configure(builder),
            Self::Drift(drift) => drift.connections.configure(builder),
            Self::Up(up) => up.migrate.configure(builder),
            Self::Down(down) => down.migrate.configure(builder),
            Self::Roles(roles) => roles.connections.configure(builder),
            Self::Fresh(fresh) => fresh.citus.configure(fresh.connections.configure(builder)),
            Self::List(_)
            | Self::Lint(_)
            | Self::Rename(_)
            | Self::Archive(_)
            | Self::Drop(_)
            | Self::Shared { .. } => builder,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_wrong_is_said_at_once() {
        for (line, why) in [
            ("create Acme", "byte 0 is 'A'"),
            ("up Acme", "byte 0 is 'A'"),
            ("up --workers 0", "--workers"),
            ("up --max-connections 1", "--max-connections"),
            ("up --canary 0%", "more than 0"),
            ("up --waves 10", "write it as 5%"),
            ("up --lock-timeout 0s", "longer than nothing"),
            ("up --tenants-file /no/such/file", "/no/such/file"),
            ("up acme --tenants-file /dev/null", "cannot be used with"),
            ("down --steps 0", "--steps"),
            ("drop acme", "--confirm"),
            ("frobnicate", "frobnicate"),
        ] {
            let words = std::iter::once("migration").chain(line.split(' '));
            let error = Arguments::try_parse_from(words).err().map(redacted);
            let text = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(text.contains(why), "{line}: {text}");
        }
    }

    #[test]
    fn a_url_in_the_wrong_place_is_not_repeated() {
        for line in ["create", "up", "drift --reference", "shared", "--workers"] {
            let line = format!("{line} postgres://u:hunter2@h/app");
            let words = std::iter::once("migration").chain(line.split(' '));
            let error = Arguments::try_parse_from(words).err().map(redacted);
            let text = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(
                !text.is_empty() && !text.contains("hunter2"),
                "{line}: {text}"
            );
        }
    }
}
