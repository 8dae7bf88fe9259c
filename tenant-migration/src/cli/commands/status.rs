use serde::Serialize;
use tenant_core::TenantRegistry;

use super::Program;
use crate::{
    SchemaStatus, SchemaVersion,
    cli::{
        arguments::Status,
        failure::{Failure, Verdict},
        table::{number_of, table},
    },
};

impl<R: TenantRegistry + 'static> Program<'_, R> {
    pub(super) async fn status(&self, status: Status) -> Result<Verdict, Failure> {
        let selection = status.tenants.selection()?;
        let tenants = self.fleet.status(&selection).await?;
        let document = Document::of(tenants);
        self.console.result(&document, || document.text(status.all));
        let is_well = !status.check || document.tenants.iter().all(is_up_to_date);
        Ok(Verdict::well_if(is_well))
    }
}

#[derive(Default, Serialize)]
struct Document {
    up_to_date: usize,
    behind: usize,
    ahead: usize,
    missing: usize,
    unreadable: usize,
    /// Those in a status in which there is no schema to keep up to date.
    out_of_service: usize,
    tenants: Vec<SchemaStatus>,
}

impl Document {
    fn of(tenants: Vec<SchemaStatus>) -> Self {
        let mut document = Self::default();
        for tenant in &tenants {
            *match &tenant.version {
                _ if tenant.out_of_service().is_some() => &mut document.out_of_service,
                SchemaVersion::UpToDate => &mut document.up_to_date,
                SchemaVersion::Behind(_) => &mut document.behind,
                SchemaVersion::Ahead(_) => &mut document.ahead,
                SchemaVersion::Missing => &mut document.missing,
                SchemaVersion::Unreadable(_) => &mut document.unreadable,
            } += 1;
        }
        document.tenants = tenants;
        document
    }

    fn text(&self, all: bool) -> String {
        let mut text = format!(
            "{}: {} up to date, {} behind",
            number_of(self.tenants.len(), "tenant"),
            self.up_to_date,
            self.behind
        );
        for (number, what) in [
            (self.ahead, "ahead"),
            (self.missing, "without a schema"),
            (self.unreadable, "unreadable"),
            (self.out_of_service, "out of service"),
        ] {
            if number > 0 {
                text.push_str(&format!(", {number} {what}"));
            }
        }
        let shown = self.tenants.iter();
        let shown = shown.filter(|tenant| all || !is_up_to_date(tenant));
        let rows = shown.map(|tenant| {
            let version = match tenant.out_of_service() {
                None => tenant.version.to_string(),
                Some(_) => String::new(),
            };
            let status = tenant.status.map(|status| status.to_string());
            [
                tenant.tenant.to_string(),
                status.unwrap_or_default(),
                version,
            ]
        });
        let table = table(["TENANT", "STATUS", "SCHEMA"], rows, all);
        if !table.is_empty() {
            text.push_str("\n\n");
            text.push_str(&table);
        }
        text
    }
}

/// Whether there is nothing to do.
fn is_up_to_date(tenant: &SchemaStatus) -> bool {
    tenant.out_of_service().is_some() || matches!(tenant.version, SchemaVersion::UpToDate)
}
