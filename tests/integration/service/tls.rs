//! The client and the service with TLS in between.

use std::{net::SocketAddr, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use sea_orm_tenant::{ServiceError, TenantError, TenantServiceClient, TenantServiceClientBuilder};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{ACME, ADMIN, Rig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_ones_own_is_trusted_where_it_is_named() {
    let rig = Rig::start().await;
    let (url, certificate) = terminate(rig.service.as_ref().unwrap().address()).await;
    let client = to(&url).add_root_certificate_pem(certificate);
    let info = client.build().unwrap().get_tenant_info(&ACME).await;
    assert_eq!(info.unwrap().id, ACME);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_somebody_else_is_an_outage() {
    let rig = Rig::start().await;
    let (url, _) = terminate(rig.service.as_ref().unwrap().address()).await;
    let (_, unrelated) = terminate(rig.service.as_ref().unwrap().address()).await;
    let client = to(&url).add_root_certificate_pem(unrelated);
    let error = client.build().unwrap().get_tenant_info(&ACME).await;
    let TenantError::StoreUnavailable { source } = error.unwrap_err() else {
        panic!("not an outage");
    };
    let cause = source.downcast_ref::<ServiceError>().unwrap();
    assert!(matches!(cause, ServiceError::Transport { .. }), "{cause:?}");
}

fn to(url: &str) -> TenantServiceClientBuilder {
    TenantServiceClient::builder(url)
        .token(ADMIN)
        .max_attempts(2)
}

/// Speaks TLS for a server that does not. Where, and with which certificate.
async fn terminate(upstream: SocketAddr) -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut client = acceptor.accept(client).await.ok()?;
                let mut server = TcpStream::connect(upstream).await.ok()?;
                copy_bidirectional(&mut client, &mut server).await.ok()
            });
        }
    });
    (format!("https://localhost:{port}"), cert.pem())
}
