//! A real server on a real socket, and clients that go away.

use std::{
    io,
    net::{SocketAddr, TcpListener},
};

use actix_web::{App, HttpServer, dev::ServerHandle, web::ServiceConfig};
use sea_orm_tenant::actix::TenantMiddleware;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};

pub struct Server {
    pub address: SocketAddr,
    handle: ServerHandle,
    serving: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves with two workers.
    pub fn start(
        tenants: TenantMiddleware,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server =
            HttpServer::new(move || App::new().wrap(tenants.clone()).configure(routes.clone()))
                .workers(2)
                .disable_signals()
                .shutdown_timeout(10)
                .listen(listener)
                .unwrap()
                .run();
        Self {
            address,
            handle: server.handle(),
            serving: tokio::spawn(server),
        }
    }

    /// A connection on which a request is sent, and not yet answered.
    pub async fn begin(&self, method: &str, path: &str, tenant: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nx-tenant-id: {tenant}\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        client
    }

    /// The whole answer, head and body.
    pub async fn answer(&self, method: &str, path: &str, tenant: &str) -> String {
        let mut client = self.begin(method, path, tenant).await;
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    /// Waits for requests that are under way.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        self.serving.await.unwrap().unwrap();
    }
}

/// Goes away as a machine does that loses power: the server learns of it at once.
pub fn vanish(client: TcpStream) {
    client.set_zero_linger().unwrap();
    drop(client);
}
