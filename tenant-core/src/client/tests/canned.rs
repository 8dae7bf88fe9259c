use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::{TenantServiceClient, TenantServiceClientBuilder};

/// A server that answers what it is told to, one answer a connection, and the last one for ever.
pub(super) struct Canned {
    base: String,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

/// What is done with a connection.
#[derive(Clone)]
pub(super) enum Reply {
    /// These bytes are sent, and the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes are sent, and nothing more.
    Hang(Vec<u8>),
    /// These bytes are sent one by one, and the connection is closed.
    Drip(Vec<u8>),
    /// It is closed without an answer.
    Close,
}

impl Canned {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let mut replies: VecDeque<_> = replies.into_iter().collect();
        let seen = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let reply = match replies.len() {
                    1 => replies[0].clone(),
                    _ => replies.pop_front().unwrap(),
                };
                connections.spawn(answer(connection, reply, Arc::clone(&seen)));
            }
        });
        Self { base, heads, task }
    }

    pub(super) fn builder(&self) -> TenantServiceClientBuilder {
        TenantServiceClient::builder(self.base.as_str())
            .token("t0ken")
            .attempt_timeout(Duration::from_secs(30))
            .total_timeout(Duration::from_secs(60))
            .initial_backoff(Duration::from_millis(1))
            .max_backoff(Duration::from_millis(5))
    }

    pub(super) fn client(&self) -> TenantServiceClient {
        self.builder().build().unwrap()
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut connection: TcpStream, reply: Reply, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    seen.lock().unwrap().push(String::from_utf8(head).unwrap());
    // A client that went away is not this server's trouble.
    match reply {
        Reply::Bytes(bytes) => drop(connection.write_all(&bytes).await),
        Reply::Drip(bytes) => {
            for byte in bytes {
                drop(connection.write_all(&[byte]).await);
                tokio::task::yield_now().await;
            }
        }
        Reply::Hang(bytes) => {
            drop(connection.write_all(&bytes).await);
            drop(connection.read_u8().await);
        }
        Reply::Close => {}
    }
}

/// An answer with a length, so that one that is cut off shows.
pub(super) fn reply(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Reply::Bytes(bytes)
}

pub(super) fn json(status: u16, body: &str) -> Reply {
    reply(status, "content-type: application/json\r\n", body)
}
