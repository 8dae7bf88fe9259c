use std::sync::Arc;

use sea_orm::DbBackend;
use serde_json::json;
use tenant_core::{ConnectionInfo, TenantId, TenantRegistry};

use super::Program;
use crate::{
    cli::{
        arguments,
        failure::{Failure, Verdict},
        table::number_of,
    },
    lint::{Lint, Severity},
};

impl<R: TenantRegistry + 'static> Program<'_, R> {
    pub(super) async fn lint(&self, lint: arguments::Lint) -> Result<Verdict, Failure> {
        // There need be no tenant: only the database counts.
        const NOBODY: TenantId = TenantId::from_static("lint");
        let url = self.settings.database_url()?;
        if url.backend() != DbBackend::Postgres {
            return Err(Failure::refused(
                "Citus is an extension of PostgreSQL: name a database there by DATABASE_URL, in which the migrations can be tried",
            ));
        }
        let beside = ConnectionInfo::shared(url, &NOBODY);
        let rules = lint
            .reference_table
            .iter()
            .fold(Lint::citus(), |rules, table| rules.reference_table(table));
        let findings = self.fleet.lint(rules, &Arc::new(beside)).await?;
        let is_error = |severity| severity == Severity::Error;
        let errors = findings
            .iter()
            .filter(|finding| is_error(finding.severity))
            .count();
        let notes = findings.len() - errors;
        let document = json!({ "errors": errors, "notes": notes, "findings": findings });
        self.console.result(&document, || {
            let mut text = format!(
                "{}: {}, {}",
                number_of(self.fleet.migrations().names().len(), "migration"),
                match errors {
                    0 => "nothing that Citus refuses".to_owned(),
                    _ => format!("{} refused by Citus", number_of(errors, "statement")),
                },
                number_of(notes, "note")
            );
            for finding in &findings {
                text.push_str(&format!("\n{finding}"));
            }
            text
        });
        Ok(Verdict::well_if(errors == 0))
    }
}
