use serde_json::json;
use tenant_core::TenantRegistry;

use super::Program;
use crate::{
    Reference, TenantDrift,
    cli::{
        arguments::Drift,
        failure::{Failure, Verdict},
        table::number_of,
    },
};

impl<R: TenantRegistry + 'static> Program<'_, R> {
    pub(super) async fn drift(&self, drift: Drift) -> Result<Verdict, Failure> {
        let selection = drift.tenants.selection()?;
        let reference = match drift.reference {
            Some(tenant) => Reference::Tenant(tenant),
            None => Reference::Migrations,
        };
        let tenants = self.fleet.drift(&selection, &reference).await?;
        let amiss: Vec<&TenantDrift> = tenants.iter().filter(|tenant| is_amiss(tenant)).collect();
        let failed = amiss.iter().filter(|tenant| tenant.drift.is_err()).count();
        let drifted = amiss.len() - failed;
        let document = json!({
            "compared": tenants.len() - failed,
            "drifted": drifted,
            "failed": failed,
            "tenants": amiss,
        });
        self.console.result(&document, || {
            let mut text = match &reference {
                Reference::Migrations => number_of(tenants.len(), "tenant"),
                Reference::Tenant(id) => {
                    format!("{}, compared with {id}", number_of(tenants.len(), "tenant"))
                }
            };
            text.push_str(&format!(
                ": {} as they should be, {drifted} drifted, {failed} could not be compared",
                tenants.len() - amiss.len()
            ));
            text.push_str(&list(&amiss, drift.all));
            text
        });
        Ok(Verdict::well_if(amiss.is_empty()))
    }
}

fn is_amiss(tenant: &TenantDrift) -> bool {
    !matches!(&tenant.drift, Ok(drift) if drift.is_empty())
}

/// A paragraph a tenant: whole ones, until it is more than can be taken in.
fn list(amiss: &[&TenantDrift], all: bool) -> String {
    const LINES: usize = 200;
    let mut text = String::new();
    for (at, tenant) in amiss.iter().enumerate() {
        if !all && at > 0 && text.lines().count() > LINES {
            let more = amiss.len() - at;
            text.push_str(&format!("\n\n.. and {more} more: --all shows them"));
            break;
        }
        let tenant = tenant.to_string().replace('\n', "\n  ");
        text.push_str(&format!("\n\n{tenant}"));
    }
    text
}
