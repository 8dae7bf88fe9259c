use std::fmt;

use tenant_core::TenantId;

use super::Owner;

/// Something of one tenant's that another one got, or touched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Leak {
    /// A visit returned text of a row that is not its tenant's.
    Row {
        /// Who returned it.
        visitor: TenantId,
        /// Whose row it is.
        owner: Owner,
        /// The mark in it.
        text: String,
    },
    /// A visit returned the id of a row that only another owner has.
    Id {
        /// Who returned it.
        visitor: TenantId,
        /// Whose row has it.
        owner: Owner,
        /// The id.
        id: i64,
    },
    /// A statement reached the server that names, or means, tables that are not its tenant's. Rows
    /// need not have come back.
    Statement {
        /// For whom it was sent; nobody in particular, when several were at it.
        visitor: Option<TenantId>,
        /// Whose tables it names.
        owner: Owner,
        /// As the server had it.
        sql: String,
    },
    /// One transaction named tables of two tenants.
    Transaction {
        /// Both.
        owners: [Owner; 2],
        /// The statement that named the second.
        sql: String,
    },
    /// Rows were written, changed or removed where they are not the writer's.
    Write {
        /// Who wrote; nobody in particular, when several were at it.
        visitor: Option<TenantId>,
        /// Where.
        owner: Owner,
        /// The table.
        table: String,
        /// The row, as text, with a sign before it that says whether it came or went.
        row: String,
    },
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |visitor: &Option<TenantId>| match visitor {
            Some(tenant) => format!("tenant {tenant}"),
            None => "somebody".to_owned(),
        };
        match self {
            Self::Row {
                visitor,
                owner,
                text,
            } => write!(f, "row: tenant {visitor} got {text:?} of {owner}"),
            Self::Id { visitor, owner, id } => {
                write!(f, "id: tenant {visitor} got {id}, a row of {owner}")
            }
            Self::Statement {
                visitor,
                owner,
                sql,
            } => write!(
                f,
                "statement: for {} the server was sent one on tables of {owner}: {sql}",
                who(visitor)
            ),
            Self::Transaction {
                owners: [first, second],
                sql,
            } => write!(
                f,
                "transaction: one of {first} was sent a statement on tables of {second}: {sql}"
            ),
            Self::Write {
                visitor,
                owner,
                table,
                row,
            } => write!(
                f,
                "write: {} changed {table} of {owner}: {row}",
                who(visitor)
            ),
        }
    }
}

/// What a [`LeakCheck`](super::LeakCheck) has found, and how much it has looked at.
///
/// `Display` is for people; [`leaks`](Self::leaks) is for programs.
#[derive(Clone, Debug, Default)]
#[must_use = "a report that nobody looks at finds nothing"]
pub struct LeakReport {
    pub(super) leaks: Vec<Leak>,
    pub(super) visits: usize,
    pub(super) cancelled: usize,
    pub(super) panicked: usize,
    pub(super) own_rows: usize,
    /// What a visit returned that was nothing of its own.
    pub(super) without_own: Option<String>,
    pub(super) statements: Option<usize>,
    pub(super) seed: u64,
}

impl LeakReport {
    /// All that crossed, each once.
    #[must_use]
    pub fn leaks(&self) -> &[Leak] {
        &self.leaks
    }

    /// How many visits came to their end.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.visits
    }

    /// How many visits were given up half way, by cancelling or by a panic.
    #[must_use]
    pub fn interrupted(&self) -> usize {
        self.cancelled + self.panicked
    }

    /// How many statements reached the server; `None` where they could not be recorded.
    #[must_use]
    pub fn statements(&self) -> Option<usize> {
        self.statements
    }

    /// How often a visit returned something of its own tenant's. If it never did, nothing was tried:
    /// it would not have returned another's either.
    #[must_use]
    pub fn own_rows(&self) -> usize {
        self.own_rows
    }

    /// Whether nothing crossed.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }

    /// Fails the test when anything crossed.
    ///
    /// # Panics
    ///
    /// With the report, when there is a leak; and when no visit returned anything of its own
    /// tenant's, which proves nothing.
    #[track_caller]
    #[allow(clippy::panic, reason = "so does a test fail")]
    pub fn assert_none(&self) {
        if !self.is_clean() {
            panic!("{self}");
        }
        if self.own_rows == 0 {
            panic!(
                "{self}\nNo visit returned a planted row of its own tenant, so none could have \
                 returned another's: let it read a table of an entity that was named, and return \
                 what it read. The last one returned: {}",
                self.without_own.as_deref().unwrap_or_default()
            );
        }
    }

    pub(super) fn add(&mut self, leak: Leak) {
        if !self.leaks.contains(&leak) {
            self.leaks.push(leak);
        }
    }
}

impl fmt::Display for LeakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The others are most often more of the same.
        const SHOWN: usize = 20;
        match self.leaks.len() {
            0 => write!(f, "no leak")?,
            1 => write!(f, "1 leak")?,
            count => write!(f, "{count} leaks")?,
        }
        write!(
            f,
            " in {} visits, {} cancelled and {} that panicked; {} returned rows of their own; ",
            self.visits, self.cancelled, self.panicked, self.own_rows
        )?;
        match self.statements {
            Some(count) => write!(f, "{count} statements read; ")?,
            None => write!(f, "statements were not recorded; ")?,
        }
        write!(f, "seed {}", self.seed)?;
        for leak in self.leaks.iter().take(SHOWN) {
            write!(f, "\n  {leak}")?;
        }
        if let Some(more) = self.leaks.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}
