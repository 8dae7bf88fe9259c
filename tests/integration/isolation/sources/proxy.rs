//! A way to a server that is there only when a test wants it to be.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use sea_orm_tenant::DatabaseUrl;

use crate::support::World;

/// A port of this machine on which nobody listens.
pub struct Closed {
    port: u16,
    server: String,
}

impl Closed {
    pub fn in_front_of(world: &World) -> Self {
        let url = url::Url::parse(world.database.expose()).unwrap();
        let default = if url.scheme() == "mysql" { 3306 } else { 5432 };
        let (host, port) = (url.host_str().unwrap(), url.port().unwrap_or(default));
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            port: free.local_addr().unwrap().port(),
            server: format!("{host}:{port}"),
        }
    }

    /// The world's database, by way of this port.
    pub fn url(&self, world: &World) -> DatabaseUrl {
        let mut url = url::Url::parse(world.database.expose()).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        DatabaseUrl::new(url.to_string()).unwrap()
    }

    /// From now on the server answers here, until the test's process ends.
    pub fn open(self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(&self.server).unwrap();
                let (one, other) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(client, other));
                thread::spawn(move || pass(server, one));
            }
        });
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
