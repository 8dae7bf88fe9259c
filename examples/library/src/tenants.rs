//! Where the libraries are known: in a file, or at the tenant management service.

use std::{fs, path::Path, sync::Arc};

use futures_util::StreamExt as _;
use sea_orm_tenant::{
    CachedStore, DatabaseUrl, MemoryStore, Tenancy, TenancyBuilder, TenantError, TenantInfo,
    TenantQuery, TenantServiceClient, TenantStatus, TenantStore as _,
};
use serde_json::Value;
use tokio::{sync::Notify, task::JoinHandle};

use crate::{
    Failure,
    settings::{Databases, Settings},
};

/// The libraries that the example comes with.
const LIBRARIES: &str = include_str!("../libraries.json");

/// Who the tenants are. A store answers about one at a time; this one lists them.
#[derive(Clone, Debug)]
pub enum Directory {
    /// They are in a file, which is read once.
    File(Arc<MemoryStore>),
    /// They are at the service, and come and go.
    Service(TenantServiceClient),
}

impl Directory {
    /// All tenants but those that are gone, whatever their status.
    pub async fn tenants(&self) -> Result<Vec<TenantInfo>, TenantError> {
        let mut tenants = Vec::new();
        match self {
            Self::File(store) => {
                for id in store.ids() {
                    tenants.push(TenantInfo::clone(&*store.tenant(&id).await?));
                }
            }
            Self::Service(service) => {
                let mut query = TenantQuery::default().with_limit(1_000);
                loop {
                    let page = service.list(&query).await?;
                    for tenant in page.tenants {
                        match tenant.info {
                            Ok(info) => tenants.push(info),
                            // One entry that makes no sense is in nobody else's way.
                            Err(error) => tracing::warn!(%error, "a library is left out"),
                        }
                    }
                    match page.next {
                        Some(last) => query = query.with_after(last),
                        None => break,
                    }
                }
            }
        }
        tenants.retain(|tenant| tenant.status != TenantStatus::Archived);
        Ok(tenants)
    }
}

/// The tenancy, and how it hears of its tenants.
pub struct Known {
    pub tenancy: Tenancy,
    pub directory: Directory,
    /// Told whenever tenants change at the service.
    pub news: Arc<Notify>,
    /// Follows the service; to be aborted in the end.
    pub follower: Option<JoinHandle<()>>,
}

/// Knows the tenants as the settings say.
pub fn known(settings: &Settings, databases: Databases) -> Result<Known, Failure> {
    let news = Arc::new(Notify::new());
    let (builder, directory, follower) = match &settings.tenant_service_url {
        Some(url) => at_the_service(url, settings, &news)?,
        None => in_a_file(settings.tenants.as_deref(), &databases.tenants)?,
    };
    Ok(Known {
        tenancy: builder.shared_database(databases.shared).build()?,
        directory,
        news,
        follower,
    })
}

type Parts = (TenancyBuilder, Directory, Option<JoinHandle<()>>);

fn in_a_file(file: Option<&Path>, database: &DatabaseUrl) -> Result<Parts, Failure> {
    let json = match file {
        Some(path) => fs::read_to_string(path)
            .map_err(|error| format!("the tenant file {}: {error}", path.display()))?,
        None => LIBRARIES.to_owned(),
    };
    let store = Arc::new(MemoryStore::from_json(&placed(&json, database)?)?);
    let builder = Tenancy::builder().store(Arc::clone(&store));
    Ok((builder, Directory::File(store), None))
}

/// The tenants, in the database that the settings name, unless the file names one itself.
fn placed(json: &str, database: &DatabaseUrl) -> Result<String, Failure> {
    let mut file: Value =
        serde_json::from_str(json).map_err(|error| format!("the tenant file: {error}"))?;
    if let Some(file) = file.as_object_mut() {
        file.entry("database_url")
            .or_insert_with(|| database.expose().into());
    }
    Ok(file.to_string())
}

/// Answers are remembered, and forgotten as soon as the service says that they changed.
fn at_the_service(url: &str, settings: &Settings, news: &Arc<Notify>) -> Result<Parts, Failure> {
    let mut client = TenantServiceClient::builder(url);
    if let Some(token) = &settings.tenant_service_token {
        client = client.token(token.clone());
    }
    let client = client.build()?;
    let store = CachedStore::new(client.clone());

    let news = Arc::clone(news);
    let changes = client.changes().inspect(move |_| news.notify_one());
    let following = store.clone();
    let follower = tokio::spawn(async move { following.follow(changes).await });

    let builder = Tenancy::builder().store(store);
    Ok((builder, Directory::Service(client), Some(follower)))
}
