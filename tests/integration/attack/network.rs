//! What lies between an application and its database.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time,
};

/// A port that leads to one server, and then to another one.
pub struct Network {
    port: u16,
    upstream: Arc<watch::Sender<u16>>,
    silenced: Arc<watch::Sender<()>>,
    accepting: JoinHandle<()>,
}

impl Network {
    pub async fn to(upstream: u16) -> Self {
        Self::late(upstream, Duration::ZERO).await
    }

    /// Each answer is on its way for so long: whoever asks has to wait.
    pub async fn late(upstream: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let upstream = Arc::new(watch::Sender::new(upstream));
        let silenced = Arc::new(watch::Sender::new(()));
        let accepting = tokio::spawn({
            let (upstream, silenced) = (upstream.clone(), silenced.clone());
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let silenced = silenced.subscribe();
                    tokio::spawn(pass(client, upstream.subscribe(), silenced, delay));
                }
            }
        });
        Self {
            port,
            upstream,
            silenced,
            accepting,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the connections that there are; new ones go there.
    pub fn turn_to(&self, upstream: u16) {
        self.upstream.send_replace(upstream);
    }

    /// Nothing passes any more on the connections that there are, which stay open: something on the way
    /// forgot them. New ones are well.
    pub fn silence(&self) {
        self.silenced.send_replace(());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(
    mut client: TcpStream,
    mut upstream: watch::Receiver<u16>,
    mut silenced: watch::Receiver<()>,
    delay: Duration,
) {
    let port = *upstream.borrow_and_update();
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        _ = copy(&mut from_client, &mut to_server) => {}
        _ = copy_late(&mut from_server, &mut to_client, delay) => {}
        _ = upstream.changed() => {}
        _ = silenced.changed() => std::future::pending().await,
    }
}

async fn copy_late(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    delay: Duration,
) -> io::Result<()> {
    let mut some = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut some).await?;
        if length == 0 {
            return Ok(());
        }
        if !delay.is_zero() {
            time::sleep(delay).await;
        }
        to.write_all(&some[..length]).await?;
    }
}
