//! The client and the cache against the real tenant service, over a socket, through bad networks.

mod databases;
mod faults;
mod outages;
mod proxy;
mod readiness;
mod secrets;
mod tls;

use std::time::Duration;

use sea_orm_tenant::{
    DatabaseUrl, TenantId, TenantServiceClient, TenantServiceClientBuilder, UrlKeys,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenant_service::Service;

use self::proxy::FaultProxy;

const ADMIN: &str = "an-administrator-of-these-tests";
static ACME: TenantId = TenantId::from_static("acme");
const PASSWORD: &str = "hunter2";

/// The tenant service, behind a proxy, and its administrator.
struct Rig {
    service: Option<Service>,
    proxy: FaultProxy,
    http: reqwest::Client,
    keys: UrlKeys,
    directory: TempDir,
}

impl Rig {
    /// A service that knows `acme`.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let keys = UrlKeys::generate().unwrap();
        let service = serve(&directory, &keys).await;
        let rig = Self {
            proxy: FaultProxy::in_front_of(service.address()).await,
            service: Some(service),
            http: client_without_tls(),
            keys,
            directory,
        };
        rig.add(&ACME).await;
        rig
    }

    /// Ends the service as a machine does that loses its network: all at once, for its clients.
    async fn stop(&mut self) {
        self.proxy.set(proxy::Fault::Reset);
        self.service.take().unwrap().stop().await;
    }

    async fn restart(&mut self) {
        self.restart_unseen().await;
        self.proxy.set(proxy::Fault::None);
    }

    /// The service is there again, and the network is not yet.
    async fn restart_unseen(&mut self) {
        let service = serve(&self.directory, &self.keys).await;
        self.proxy.turn_to(service.address());
        self.service = Some(service);
    }

    fn client(&self) -> TenantServiceClientBuilder {
        TenantServiceClient::builder(self.proxy.url())
            .token(ADMIN)
            .initial_backoff(Duration::from_millis(10))
            .max_backoff(Duration::from_millis(50))
    }

    async fn add(&self, id: &TenantId) {
        let url = format!("postgres://app:{PASSWORD}@db.example/app");
        let tenant = json!({"id": id.as_str(), "status": "active", "connection": {"url": url}});
        let request = self.http.post(self.url("")).json(&tenant);
        let answer = request.bearer_auth(ADMIN).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    async fn set_status(&self, id: &TenantId, status: &str) {
        let request = self.http.patch(self.url(id.as_str()));
        let request = request.header("if-match", "*").bearer_auth(ADMIN);
        let change: Value = json!({ "status": status });
        let answer = request.json(&change).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// Past the proxy.
    fn url(&self, tenant: &str) -> String {
        let address = self.service.as_ref().unwrap().address();
        match tenant {
            "" => format!("http://{address}/tenants"),
            tenant => format!("http://{address}/tenants/{tenant}"),
        }
    }
}

/// The administrator's. It wants a provider of TLS all the same; ours does not.
fn client_without_tls() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn serve(directory: &TempDir, keys: &UrlKeys) -> Service {
    let file = directory.path().join("service.sqlite");
    let url = DatabaseUrl::new(format!("sqlite://{}?mode=rwc", file.display())).unwrap();
    Service::builder(url, keys.clone())
        .listen(([127, 0, 0, 1], 0).into())
        .admin_token(ADMIN)
        .start()
        .await
        .unwrap()
}
