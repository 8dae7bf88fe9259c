//! One tenant: tried again while others are in the way, and never more than its own failure.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use tenant_core::{TenantContext, TenantDirectory};

use super::Fleet;
use crate::{
    MigrationError,
    error::conflict,
    session::{Desk, Job},
};

impl<R: TenantDirectory + 'static> Fleet<R> {
    pub(crate) fn desk(&self) -> Desk {
        Desk::new(self.tenancy().clone(), self.settings().lock_timeout)
    }

    /// One tenant, tried again while others are in the way.
    pub(crate) async fn migrate_one(
        &self,
        desk: &mut Desk,
        job: &Job,
    ) -> Result<usize, MigrationError> {
        let settings = self.settings();
        let limit = settings.tenant_timeout;
        let work = TenantContext::scope(job.tenant.clone(), async {
            let mut waits = settings.waits();
            let mut done = 0;
            loop {
                let Err(mut error) = desk.migrate(job, &mut done).await else {
                    return Ok(done);
                };
                if let MigrationError::HalfApplied { migration, source } = &error
                    && conflict::is_done_already(source)
                {
                    match self.finish(desk, job, migration).await {
                        Ok(true) => {
                            done += 1;
                            continue;
                        }
                        Ok(false) => {}
                        Err(instead) if instead.is_transient() => error = instead,
                        Err(why) => tracing::debug!(%why, "it cannot be compared"),
                    }
                }
                let Some(wait) = waits.next().filter(|_| error.is_transient()) else {
                    return Err(error);
                };
                tracing::debug!(%error, "it is tried again");
                tokio::time::sleep(wait).await;
            }
        });
        // A panic of a migration is its tenant's, and not the fleet's.
        match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(panicked(&*panic)),
            Err(_) => Err(MigrationError::TimedOut { limit }),
        }
    }

    /// Notes that a migration was done, which was begun and is complete after all: the schema is what
    /// the migrations make, and this one makes nothing else.
    async fn finish(
        &self,
        desk: &mut Desk,
        job: &Job,
        migration: &str,
    ) -> Result<bool, MigrationError> {
        let names = self.migrations().names();
        let compare = async |applied: &[String]| {
            let pending = self.migrations().pending(applied)?;
            let all = 0..names.len();
            let before = all
                .clone()
                .filter(|place| !pending.contains(place))
                .collect();
            let this = all.filter(|place| &*names[*place] == migration).collect();
            let rehearsed = self
                .rehearse(&job.place, before, this, job.direction)
                .await?;
            let changes_rows = rehearsed
                .statements
                .iter()
                .flatten()
                .any(|sql| changes_rows(sql));
            Ok(!changes_rows && self.structure(&job.place).await? == rehearsed.structure)
        };
        desk.finish_on_mysql(job, migration, compare).await
    }
}

/// Whether a statement may have done something that a structure does not show, or may be why another
/// one did: rows that are read are there in a tenant's schema, and not in a scratch schema, where
/// nothing follows from them.
fn changes_rows(sql: &str) -> bool {
    let sql = sql.replace('`', "").to_ascii_lowercase();
    let words: Vec<&str> = sql
        .split(|character: char| character.is_whitespace() || matches!(character, '(' | ')' | ';'))
        .filter(|word| !word.is_empty())
        .collect();
    match words.as_slice() {
        [
            "create" | "alter" | "drop" | "rename" | "show" | "set" | "use",
            ..,
        ] => false,
        // What `TenantSchemaManager::tenant` asks.
        ["select", "database"] => false,
        ["select", ..] => !reads_catalogue_only(&sql, &words),
        _ => true,
    }
}

/// Whether a query reads how tables are made, and nothing else. What is not sure to be is not.
fn reads_catalogue_only(sql: &str, words: &[&str]) -> bool {
    let is_source = |word: &&str| matches!(*word, "from" | "join" | "straight_join" | "table");
    let mut sources = words.iter().enumerate().filter(|(_, word)| is_source(word));
    let all = sources.clone().all(|(place, _)| {
        words.get(place + 1).is_some_and(|source| {
            // What a query in brackets reads is looked at by itself.
            *source == "select" || source.starts_with("information_schema.")
        })
    });
    // A comma after a source may be before another one.
    let with_list = sql.split("from").skip(1).any(|rest| {
        let until = ["where", "group", "order", "limit", "having", "select"];
        let end = until.iter().filter_map(|word| rest.find(word)).min();
        rest.get(..end.unwrap_or(rest.len()))
            .is_none_or(|sources| sources.contains(','))
    });
    sources.next().is_some() && all && !with_list
}

/// What a panic said.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> MigrationError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    MigrationError::Panicked {
        message: text.unwrap_or_else(|| "without a message".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::changes_rows;

    #[test]
    fn what_reads_or_writes_rows_is_not_shown_by_a_structure() {
        for sql in [
            "INSERT INTO one VALUES (1)",
            "update book set lent = 0",
            "SELECT id FROM book",
            "SELECT `id` FROM `book` WHERE `title` = 'x from information_schema.tables'",
            "SELECT 1 FROM information_schema.tables, book",
            "SELECT 1 FROM information_schema.tables t JOIN book b ON b.id = 1",
            "SELECT (SELECT max(id) FROM book) FROM information_schema.tables",
            "SELECT 1 FROM information_schema.tables WHERE EXISTS (SELECT 1 FROM book)",
            "SELECT GET_LOCK('x', 1)",
            "WITH b AS (SELECT * FROM book) SELECT * FROM b",
            "(SELECT 1)",
            "",
        ] {
            assert!(changes_rows(sql), "{sql}");
        }
        for sql in [
            "CREATE TABLE one (id integer)",
            "  alter table one add x integer",
            "SELECT DATABASE()",
            "SELECT 1 FROM information_schema.tables WHERE table_name IN ('a', 'b')",
            "SELECT COUNT(*) > 0 AS `has_table` FROM (SELECT `table_name` FROM \
             `information_schema`.`tables` WHERE `table_schema` = DATABASE()) AS `subquery`",
        ] {
            assert!(!changes_rows(sql), "{sql}");
        }
    }
}
