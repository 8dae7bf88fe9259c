//! One tenant, and the list of them.

use serde::Serialize;
use serde_json::json;
use tenant_core::{ConnectionInfo, Placement, SchemaName, TenantId, TenantInfo, TenantRegistry};

use super::Program;
use crate::{
    Provision, Provisioned, Take,
    cli::{
        arguments::{Archive, Clone, Create, Drop, List, Rename},
        failure::{Failure, Verdict},
        table::table,
    },
    relocate::renamed,
};

impl<R: TenantRegistry + 'static> Program<'_, R> {
    pub(super) async fn create(&self, create: Create) -> Result<Verdict, Failure> {
        let place = ConnectionInfo::shared(self.settings.database_url()?, &create.id);
        let mut info = TenantInfo::active(create.id);
        if let Some(name) = create.name {
            info = info.with_name(name);
        }
        if let Some(plan) = create.plan {
            info = info.with_plan(plan);
        }
        let mut provision = Provision::new(info.clone(), place.clone());
        if let Some(prepare) = &self.prepare {
            provision = prepare(provision);
        }
        let made = self.fleet.provision(&provision).await?;
        self.tell_made(&info, &place, made)
    }

    pub(super) async fn clone_tenant(&self, clone: Clone) -> Result<Verdict, Failure> {
        let Clone { from, to, .. } = clone;
        let original = self.fleet.registry().tenant(&from).await?;
        let place = self.fleet.registry().connection(&from).await?;
        if place.placement() == Placement::Dedicated {
            return Err(Failure::refused(format!(
                "tenant {from} has a database for itself, in which there can be no other: create {to}, and copy the rows with the database's own tools"
            )));
        }
        // In the same database, whatever DATABASE_URL says.
        let place = renamed(&place, &SchemaName::for_tenant(&to))?;
        let mut info = TenantInfo::active(to);
        info.plan.clone_from(&original.plan);
        if let Some(name) = clone.name {
            info = info.with_name(name);
        }
        let take = match clone.data {
            true => Take::StructureAndData,
            false => Take::Structure,
        };
        let provision = Provision::new(info.clone(), place.clone());
        let made = self.fleet.copy_tenant(&from, &provision, take).await?;
        self.tell_made(&info, &place, made)
    }

    fn tell_made(
        &self,
        info: &TenantInfo,
        place: &ConnectionInfo,
        made: Provisioned,
    ) -> Result<Verdict, Failure> {
        let (word, text) = match made {
            Provisioned::Made => ("made", "was made"),
            Provisioned::AlreadyThere => {
                ("already_there", "was there already: nothing was changed")
            }
        };
        let place = where_it_is(place);
        let document = json!({ "tenant": info.id, "result": word, "schema": place });
        let text = || format!("tenant {} {text} ({place})", info.id);
        self.console.result(&document, text);
        Ok(Verdict::Well)
    }

    pub(super) async fn rename(&self, rename: Rename) -> Result<Verdict, Failure> {
        let Rename { from, to } = rename;
        if from == to {
            return Err(Failure::refused(format!(
                "tenant {from} is called so already"
            )));
        }
        self.fleet.rename(&from, &to).await?;
        let document = json!({ "tenant": to, "result": "renamed", "was": from });
        let text = || format!("tenant {from} is {to} now");
        self.console.result(&document, text);
        Ok(Verdict::Well)
    }

    pub(super) async fn archive(&self, archive: Archive) -> Result<Verdict, Failure> {
        let id = archive.id;
        self.fleet.registry().tenant(&id).await?;
        let question = format!("Take tenant {id} out of service? Its data is kept.");
        self.console.confirm(&question)?;
        let place = self.fleet.archive(&id).await?;
        let place = where_it_is(&place);
        let document = json!({ "tenant": id, "result": "archived", "schema": place });
        let text = || format!("tenant {id} is archived; its data is in {place}");
        self.console.result(&document, text);
        Ok(Verdict::Well)
    }

    pub(super) async fn drop_tenant(&self, drop: Drop) -> Result<Verdict, Failure> {
        let id = drop.id;
        self.fleet.registry().tenant(&id).await?;
        let question = format!("Remove tenant {id} and all its data, for good?");
        self.console.confirm(&question)?;
        self.fleet.drop_tenant(&id, &drop.confirm).await?;
        let document = json!({ "tenant": id, "result": "dropped" });
        let text = || format!("tenant {id} and its data are gone");
        self.console.result(&document, text);
        Ok(Verdict::Well)
    }

    pub(super) async fn list(&self, list: List) -> Result<Verdict, Failure> {
        let selection = list.tenants.selection()?;
        let mut tenants = self.fleet.tenants(&selection).await?;
        if let Some(status) = list.status {
            let has_it = |info: &TenantInfo| info.status == status;
            tenants.retain(|tenant| tenant.info.as_ref().is_ok_and(has_it));
        }
        let entries: Vec<Entry> = tenants
            .iter()
            .map(|tenant| Entry {
                tenant: match &tenant.info {
                    Ok(info) => Told::Known(info),
                    Err(_) => Told::Unusable { id: &tenant.id },
                },
                schema: tenant
                    .connection
                    .as_ref()
                    .ok()
                    .map(|place| where_it_is(place)),
                error: [tenant.info.as_ref().err(), tenant.connection.as_ref().err()]
                    .into_iter()
                    .flatten()
                    .map(ToString::to_string)
                    .next(),
            })
            .collect();
        let document = Listed {
            total: entries.len(),
            tenants: &entries,
        };
        self.console.result(&document, || {
            if entries.is_empty() {
                return "there are no tenants; `create` makes one".to_owned();
            }
            let rows = entries.iter().map(Entry::row);
            table(["ID", "NAME", "STATUS", "PLAN", "SCHEMA"], rows, true)
        });
        Ok(Verdict::well_if(
            entries.iter().all(|entry| entry.error.is_none()),
        ))
    }
}

#[derive(Serialize)]
struct Listed<'t> {
    total: usize,
    tenants: &'t [Entry<'t>],
}

#[derive(Serialize)]
struct Entry<'t> {
    #[serde(flatten)]
    tenant: Told<'t>,
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What the registry says of a tenant.
#[derive(Serialize)]
#[serde(untagged)]
enum Told<'t> {
    Known(&'t TenantInfo),
    Unusable { id: &'t TenantId },
}

impl Entry<'_> {
    fn row(&self) -> [String; 5] {
        let schema = match &self.error {
            Some(error) => format!("unusable: {error}"),
            None => self.schema.clone().unwrap_or_default(),
        };
        let [name, status, plan] = match self.tenant {
            Told::Known(info) => [
                info.name.clone(),
                info.status.to_string(),
                info.plan.clone().unwrap_or_default(),
            ],
            Told::Unusable { .. } => Default::default(),
        };
        let id = match self.tenant {
            Told::Known(info) => &info.id,
            Told::Unusable { id } => id,
        };
        [id.to_string(), name, status, plan, schema]
    }
}

/// The schema; on SQLite, where they are all called alike, the file.
fn where_it_is(place: &ConnectionInfo) -> String {
    match place.url().file() {
        Some(file) => file.display().to_string(),
        None => place.schema().to_string(),
    }
}
