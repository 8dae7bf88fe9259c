//! A service whose database is away.

use reqwest::StatusCode;
use sea_orm_tenant::{DatabaseUrl, TenantError, TenantServiceClient, UrlKeys};
use tenant_service::Service;

use super::{
    ACME, ADMIN, client_without_tls,
    proxy::{Fault, FaultProxy},
};
use crate::support::{Server, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_its_database_lives_and_is_not_ready() {
    World::run(Server::Postgres, async |world| {
        let database = url::Url::parse(world.shared.expose()).unwrap();
        let server = database.socket_addrs(|| Some(5432)).unwrap()[0];
        let network = FaultProxy::in_front_of(server).await;
        let mut behind = database.clone();
        behind.set_port(Some(network.port())).unwrap();
        let behind = DatabaseUrl::new(behind).unwrap();
        let service = Service::builder(behind, UrlKeys::generate().unwrap())
            .listen(([127, 0, 0, 1], 0).into())
            .admin_token(ADMIN)
            .start()
            .await
            .unwrap();
        let http = client_without_tls();
        let status = async |path: &str| {
            let answer = http.get(format!("{}{path}", service.url())).send().await;
            answer.unwrap().status()
        };
        assert_eq!(status("/readyz").await, StatusCode::OK);

        network.set(Fault::Reset);
        assert_eq!(status("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(status("/healthz").await, StatusCode::OK);
        let client = TenantServiceClient::builder(service.url())
            .token(ADMIN)
            .max_attempts(1);
        let error = client.build().unwrap().get_tenant_info(&ACME).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, TenantError::StoreUnavailable { .. }),
            "{error}"
        );

        network.set(Fault::None);
        assert_eq!(status("/readyz").await, StatusCode::OK);
        service.stop().await;
    })
    .await;
}
