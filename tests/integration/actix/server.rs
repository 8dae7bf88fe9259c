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

    /// A connection for one request after the other.
    pub async fn keep_alive(&self) -> KeepAlive {
        KeepAlive(TcpStream::connect(self.address).await.unwrap())
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

/// A connection on which each request waits for the answer to the one before.
pub struct KeepAlive(TcpStream);

impl KeepAlive {
    /// Sends all at once, and reads the answers, which have a `content-length` each.
    pub async fn pipeline(&mut self, requests: &[(&str, &str)]) -> Vec<String> {
        let all = requests.iter().map(|(path, tenant)| {
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nx-tenant-id: {tenant}\r\n\r\n")
        });
        let all: String = all.collect();
        self.0.write_all(all.as_bytes()).await.unwrap();
        let mut answers = Vec::new();
        let mut read = String::new();
        while answers.len() < requests.len() {
            if let Some((answer, rest)) = whole_answer(&read) {
                answers.push(answer.to_owned());
                read = rest.to_owned();
                continue;
            }
            let mut some = [0; 4096];
            let length = self.0.read(&mut some).await.unwrap();
            assert!(length > 0, "the connection was closed: {read}");
            read.push_str(std::str::from_utf8(&some[..length]).unwrap());
        }
        answers
    }
}

/// The first answer, and what is behind it.
fn whole_answer(read: &str) -> Option<(&str, &str)> {
    let (head, _) = read.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let end = head.len() + 4 + length.parse::<usize>().unwrap();
    read.split_at_checked(end)
}
