//! `--dry-run`.

use serde::Serialize;
use tenant_core::TenantRegistry;

use super::Program;
use crate::{
    Plan, SchemaStatus, SchemaVersion, Selection,
    cli::{
        failure::{Failure, Verdict},
        table::{names, number_of},
    },
};

impl<R: TenantRegistry + 'static> Program<'_, R> {
    /// Writes plans as a script, in which everything but the SQL is a comment.
    pub(super) async fn tell_plans(
        &self,
        selection: &Selection,
        plans: Vec<Plan>,
        all: bool,
    ) -> Result<Verdict, Failure> {
        let mut unplanned = self.fleet.status(selection).await?;
        unplanned.retain(|tenant| tenant.out_of_service().is_none() && !is_plannable(tenant));
        for tenant in &unplanned {
            let (id, version) = (&tenant.tenant, &tenant.version);
            self.console
                .note(format_args!("{id}: no plan can be made: {version}"));
        }
        let document = Document {
            plans: &plans,
            unplanned: &unplanned,
        };
        self.console.result(&document, || {
            if plans.is_empty() {
                return "-- there is nothing to do".to_owned();
            }
            let plans = plans.iter().map(|plan| script(plan, all));
            plans.collect::<Vec<_>>().join("\n\n")
        });
        Ok(Verdict::well_if(unplanned.is_empty()))
    }
}

#[derive(Serialize)]
struct Document<'p> {
    plans: &'p [Plan],
    unplanned: &'p [SchemaStatus],
}

fn is_plannable(tenant: &SchemaStatus) -> bool {
    matches!(
        tenant.version,
        SchemaVersion::UpToDate | SchemaVersion::Behind(_)
    )
}

fn script(plan: &Plan, all: bool) -> String {
    let mut script = format!(
        "-- {}: {}",
        number_of(plan.tenants.len(), "tenant"),
        names(&plan.tenants, all)
    );
    for planned in &plan.migrations {
        script.push_str(&format!("\n\n-- {}", planned.migration));
        for statement in &planned.statements {
            let statement = statement.trim_end().trim_end_matches(';');
            script.push_str(&format!("\n{statement};"));
        }
    }
    script
}
