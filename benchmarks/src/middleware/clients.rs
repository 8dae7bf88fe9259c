//! Clients that keep their connections.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::BoxError;

pub(super) const CONNECTIONS: usize = 32;
/// Short, so that what the machine does meanwhile falls on both servers, and not shorter: all clients
/// begin a turn at once, with a server that has done nothing for a while. That is not what requests
/// meet at a server in use, and costs one with more code more.
const TURN: Duration = Duration::from_millis(100);

/// Connections that are kept from turn to turn.
pub(super) struct Clients(Vec<Client>);

impl Clients {
    pub(super) async fn of_both(
        (servers, path): ([SocketAddr; 2], &str),
    ) -> Result<[Self; 2], BoxError> {
        let [one, other] = servers;
        Ok([Self::of(one, path).await?, Self::of(other, path).await?])
    }

    async fn of(server: SocketAddr, path: &str) -> Result<Self, BoxError> {
        let mut clients = Vec::new();
        for number in 0..CONNECTIONS {
            clients.push(Client::connect(server, path, number).await?);
        }
        Ok(Self(clients))
    }

    /// Requests per second.
    pub(super) async fn turn(&mut self) -> Result<f64, BoxError> {
        let started = Instant::now();
        let sending = self.0.iter_mut().map(|client| client.send(started + TURN));
        let answered: usize = try_join_all(sending).await?.iter().sum();
        Ok(answered as f64 / started.elapsed().as_secs_f64())
    }
}

struct Client {
    connection: TcpStream,
    request: String,
}

impl Client {
    async fn connect(server: SocketAddr, path: &str, number: usize) -> Result<Self, BoxError> {
        let connection = TcpStream::connect(server).await?;
        connection.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: books.example\r\naccept: application/json\r\n\
             user-agent: bench\r\nx-tenant-id: tenant-{number}\r\n\r\n"
        );
        Ok(Self {
            connection,
            request,
        })
    }

    /// One request after the other.
    async fn send(&mut self, until: Instant) -> Result<usize, BoxError> {
        let (mut answer, mut answered) = ([0; 4096], 0);
        while Instant::now() < until {
            self.connection.write_all(self.request.as_bytes()).await?;
            let read = self.connection.read(&mut answer).await?;
            let answer = &answer[..read];
            if !answer.starts_with(b"HTTP/1.1 200") || !answer.ends_with(b"]") {
                return Err(String::from_utf8_lossy(answer).into());
            }
            answered += 1;
        }
        Ok(answered)
    }
}
