//! All libraries, set up as they come.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use sea_orm_tenant::{Tenancy, TenantError, TenantId};
use tokio::sync::{Mutex, Notify};

use crate::{Failure, catalogue::Catalogue, setup, tenants::Directory};

/// The tenants of this service. Each is set up when it is first listed.
pub struct Libraries {
    tenancy: Tenancy,
    directory: Directory,
    catalogue: Catalogue,
    /// Those that are set up, and when they were last changed at the service: one that has moved to
    /// another database is set up there. Locked while libraries are set up, so that nobody else
    /// begins the same.
    ready: Mutex<HashMap<TenantId, Option<SystemTime>>>,
}

impl Libraries {
    /// Makes the tables that all share. No library is set up yet.
    pub async fn new(tenancy: Tenancy, directory: Directory) -> Result<Self, Failure> {
        let catalogue = Catalogue::read()?;
        setup::shared(&tenancy, &catalogue).await?;
        Ok(Self {
            tenancy,
            directory,
            catalogue,
            ready: Mutex::default(),
        })
    }

    /// How to reach them.
    pub fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    /// The libraries, served or not. Sets up those that are new; one that fails is in the log, and
    /// is tried again the next time.
    pub async fn all(&self) -> Result<Vec<TenantId>, TenantError> {
        let mut ready = self.ready.lock().await;
        let tenants = self.directory.tenants().await?;
        let mut all = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            if ready.get(&tenant.id) != Some(&tenant.updated_at) {
                let done = setup::library(&self.tenancy, &self.catalogue, &tenant).await;
                if let Err(error) = done {
                    tracing::error!(tenant = %tenant.id, %error, "a library could not be set up");
                    continue;
                }
                ready.insert(tenant.id.clone(), tenant.updated_at);
            }
            all.push(tenant.id);
        }
        ready.retain(|id, _| all.contains(id));
        Ok(all)
    }

    /// Sets libraries up as soon as the service tells of them. Never ends: abort it.
    pub async fn welcome(self: Arc<Self>, news: Arc<Notify>) {
        loop {
            news.notified().await;
            if let Err(error) = self.all().await {
                tracing::warn!(%error, "the libraries could not be listed");
            }
        }
    }
}
