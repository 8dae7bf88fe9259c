//! Listed and written as other stores are, with the steps of a tenant's life enforced.

use std::sync::Arc;

use super::{
    super::{PlacedPage, PlacedTenant, TenantDirectory, TenantQuery, TenantRegistry},
    Entry, MemoryStore,
};
use crate::{ConnectionInfo, TenantError, TenantId, TenantInfo, TenantStatus};

#[async_trait::async_trait]
impl TenantDirectory for MemoryStore {
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        let tenants = self.read();
        let mut listed: Vec<&Entry> = tenants
            .entries
            .values()
            .filter(|entry| {
                query
                    .status
                    .is_none_or(|status| entry.info.status == status)
            })
            .filter(|entry| {
                query
                    .after
                    .as_ref()
                    .is_none_or(|after| entry.info.id > *after)
            })
            .collect();
        listed.sort_unstable_by_key(|entry| &entry.info.id);
        let more = listed.len() > query.bound();
        listed.truncate(query.bound());
        let next = listed.last().filter(|_| more);
        let next = next.map(|last| last.info.id.clone());
        let placed = |entry: &Entry| {
            PlacedTenant::new(
                entry.info.id.clone(),
                Ok(TenantInfo::clone(&entry.info)),
                Ok(Arc::clone(&entry.connection)),
            )
        };
        let tenants = listed.into_iter().map(placed).collect();
        Ok(PlacedPage::new(tenants, next))
    }
}

#[async_trait::async_trait]
impl TenantRegistry for MemoryStore {
    async fn register(
        &self,
        info: TenantInfo,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        info.check_beginning()?;
        let entry = Entry::new(info, connection);
        let mut tenants = self.write();
        if tenants.entries.contains_key(&entry.info.id) {
            let tenant = entry.info.id.clone();
            return Err(TenantError::TenantExists { tenant });
        }
        tenants.insert(entry)
    }

    async fn change_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        let mut tenants = self.write();
        let entry = tenants.entry_mut(id)?;
        entry.refuse_step(entry.info.status.may_become(status), status.as_str())?;
        entry.set_status(status);
        Ok(())
    }

    async fn change_place(
        &self,
        id: &TenantId,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        let place = connection.place().into();
        let mut tenants = self.write();
        let moved = Entry {
            info: Arc::clone(&tenants.entry_mut(id)?.info),
            connection: Arc::new(connection),
            place,
        };
        tenants.insert(moved)
    }

    async fn withdraw(&self, id: &TenantId) -> Result<(), TenantError> {
        let mut tenants = self.write();
        let entry = tenants.entry_mut(id)?;
        entry.refuse_step(entry.info.status.is_before_first_use(), "withdrawn")?;
        tenants.remove(id);
        Ok(())
    }

    async fn forget(&self, id: &TenantId) -> Result<(), TenantError> {
        let mut tenants = self.write();
        let entry = tenants.entry_mut(id)?;
        entry.refuse_step(entry.info.status == TenantStatus::Archived, "deleted")?;
        tenants.remove(id);
        Ok(())
    }
}

impl Entry {
    fn refuse_step(&self, allowed: bool, to: &'static str) -> Result<(), TenantError> {
        if allowed {
            return Ok(());
        }
        Err(TenantError::IllegalStatusChange {
            tenant: self.info.id.clone(),
            from: self.info.status,
            to,
        })
    }
}
