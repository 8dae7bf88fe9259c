//! A bad network in front of a server.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time,
};

/// What happens to requests from now on, also to those on connections that are open already.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    None,
    /// The connection is reset when a request comes.
    Reset,
    /// The request is read, and never answered.
    Silence,
    /// The request is passed on late.
    Delay(Duration),
    /// The request is answered with this, and the connection closed.
    Answer(&'static str),
    /// The answer ends after so many bytes.
    Truncate(usize),
    /// The answer comes a byte at a time, with this long in between.
    Drip(Duration),
}

pub const INTERNAL_SERVER_ERROR: Fault = Fault::Answer(
    "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
);

/// Passes connections on to a server, but for the faults that a test asks for.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    fault: watch::Sender<Fault>,
    requests: AtomicUsize,
}

impl FaultProxy {
    pub async fn in_front_of(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            fault: watch::Sender::new(Fault::None),
            requests: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(pass(client, shared.clone()));
                }
            }
        });
        Self {
            address,
            shared,
            accepting,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn set(&self, fault: Fault) {
        self.shared.fault.send_replace(fault);
    }

    /// New connections go there.
    pub fn turn_to(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock().unwrap() = upstream;
    }

    /// The requests that came since the last call.
    pub fn take_requests(&self) -> usize {
        self.shared.requests.swap(0, Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One connection, until either side or a fault ends it. The client's requests are small: each
/// comes in one read.
async fn pass(mut client: TcpStream, shared: Arc<Shared>) -> Option<()> {
    let upstream = *shared.upstream.lock().unwrap();
    let mut server = None;
    let (mut request, mut answer) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut passed = 0;
    loop {
        let from_server = async {
            match &mut server {
                Some(server) => TcpStream::read(server, &mut answer).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = client.read(&mut request) => {
                let request = &request[..read.ok().filter(|read| *read > 0)?];
                shared.requests.fetch_add(1, Ordering::SeqCst);
                passed = 0;
                let fault = *shared.fault.borrow();
                match fault {
                    Fault::Reset => {
                        client.set_zero_linger().ok()?;
                        return None;
                    }
                    Fault::Silence => std::future::pending().await,
                    Fault::Delay(delay) => time::sleep(delay).await,
                    Fault::Answer(answer) => {
                        client.write_all(answer.as_bytes()).await.ok()?;
                        return None;
                    }
                    _ => {}
                }
                if server.is_none() {
                    server = Some(TcpStream::connect(upstream).await.ok()?);
                }
                server.as_mut()?.write_all(request).await.ok()?;
            }
            read = from_server => {
                let answer = &answer[..read.ok().filter(|read| *read > 0)?];
                let fault = *shared.fault.borrow();
                match fault {
                    Fault::Truncate(length) => {
                        let rest = answer.len().min(length - passed);
                        client.write_all(&answer[..rest]).await.ok()?;
                        passed += rest;
                        if passed == length {
                            return None;
                        }
                    }
                    Fault::Drip(pause) => {
                        for byte in answer {
                            client.write_all(&[*byte]).await.ok()?;
                            time::sleep(pause).await;
                        }
                    }
                    _ => client.write_all(answer).await.ok()?,
                }
            }
        }
    }
}
