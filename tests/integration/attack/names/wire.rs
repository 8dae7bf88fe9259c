//! As bytes, to a server on a socket: also what no client library would send.

use std::net::SocketAddr;

use actix_web::{HttpResponse, web};
use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, Tenancy, TenantContext, TenantId, TenantInfo,
    actix::{
        TenantMiddleware,
        strategy::{Header, PathSegment, Subdomain},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{is_id, names};
use crate::actix::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_reach_a_tenant_that_they_do_not_name() {
    let store = MemoryStore::new();
    for tenant in ["acme", "globex"] {
        let tenant = TenantId::from_static(tenant);
        let url = DatabaseUrl::new("postgres://nobody@127.0.0.1:1/none").unwrap();
        let place = ConnectionInfo::shared(&url, &tenant);
        store.insert(TenantInfo::active(tenant), place).unwrap();
    }
    let tenancy = Tenancy::builder().store(store).build().unwrap();
    let tenants = TenantMiddleware::new(tenancy)
        .strategy(Header::default())
        .strategy(Subdomain::of("books.example").unwrap())
        .strategy(PathSegment::first())
        .exclude_paths(["/health"]);
    let server = Server::start(tenants, |config| {
        let who = || async {
            let tenant = TenantContext::try_current().map(|id| id.to_string());
            HttpResponse::Ok().body(format!("for {}", tenant.unwrap_or_default()))
        };
        config.default_service(web::to(who));
    });
    let mut tried = 0;
    for (number, name) in names(2_000, 10_000).enumerate() {
        let (target, host, header) = match number % 3 {
            0 => (
                "/x".to_owned(),
                "h".to_owned(),
                format!("x-tenant-id: {name}\r\n"),
            ),
            1 => (
                "/x".to_owned(),
                format!("{name}.books.example"),
                String::new(),
            ),
            _ => (format!("/{name}"), "h".to_owned(), String::new()),
        };
        let request =
            format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{header}connection: close\r\n\r\n");
        let answers = exchange(server.address, request.as_bytes()).await;
        // A name with line ends in it can be a request of its own, which is answered by itself.
        for tenant in answers.match_indices("\r\n\r\nfor ").map(|(at, found)| {
            let tenant = &answers[at + found.len()..];
            tenant.split("HTTP/1.1").next().unwrap()
        }) {
            let is_said = is_id(tenant) && request.lines().any(|line| names_tenant(line, tenant));
            let is_decoded = number % 3 == 2 && target.contains('%');
            assert!(is_said || is_decoded, "{request:?} reaches {tenant}");
            assert!(!tenant.is_empty(), "{request:?} is served without a tenant");
        }
        assert!(!answers.starts_with("HTTP/1.1 5"), "{request:?}: {answers}");
        tried += 1;
    }
    let answer = exchange(
        server.address,
        b"GET /x HTTP/1.1\r\nhost: h\r\nx-tenant-id: acme\r\nconnection: close\r\n\r\n",
    );
    assert!(
        answer.await.ends_with("for acme"),
        "the server is not what it was"
    );
    server.stop().await;
    figures::figure("names-tried", tried);
}

/// Whether a line of a request names the tenant. White space around a header's value is HTTP's, and so
/// is the case of hosts.
fn names_tenant(line: &str, tenant: &str) -> bool {
    if let Some(target) = line.strip_prefix("GET /") {
        return target.starts_with(tenant);
    }
    let Some((header, value)) = line.split_once(':') else {
        return false;
    };
    let value = value.trim_matches([' ', '\t']);
    match header.to_ascii_lowercase().as_str() {
        "x-tenant-id" => value == tenant,
        "host" => value
            .to_ascii_lowercase()
            .starts_with(&format!("{tenant}.books.example")),
        _ => false,
    }
}

/// What comes back, until the server closes.
async fn exchange(server: SocketAddr, request: &[u8]) -> String {
    let mut client = TcpStream::connect(server).await.unwrap();
    // It may close before all of a bad request is there.
    let _ = client.write_all(request).await;
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
