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
        Self {
            port: listen(0).local_addr().unwrap().port(),
            server: server_of(world),
        }
    }

    /// The world's database, by way of this port.
    pub fn url(&self, world: &World) -> DatabaseUrl {
        by_way_of(self.port, world)
    }

    /// From now on the server answers here, until the test's process ends.
    pub fn open(self) {
        forward(listen(self.port), self.server);
    }
}

/// A port on which connections are taken, and nobody says a word.
pub struct Mute {
    listener: TcpListener,
    server: String,
}

impl Mute {
    pub fn in_front_of(world: &World) -> Self {
        Self {
            listener: listen(0),
            server: server_of(world),
        }
    }

    /// The world's database, by way of this port.
    pub fn url(&self, world: &World) -> DatabaseUrl {
        by_way_of(self.listener.local_addr().unwrap().port(), world)
    }

    /// From now on the server answers here, also those who wait, until the test's process ends.
    pub fn open(self) {
        forward(self.listener, self.server);
    }
}

fn listen(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port)).unwrap()
}

fn server_of(world: &World) -> String {
    let url = url::Url::parse(world.database.expose()).unwrap();
    let default = if url.scheme() == "mysql" { 3306 } else { 5432 };
    let (host, port) = (url.host_str().unwrap(), url.port().unwrap_or(default));
    format!("{host}:{port}")
}

fn by_way_of(port: u16, world: &World) -> DatabaseUrl {
    let mut url = url::Url::parse(world.database.expose()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    DatabaseUrl::new(url.to_string()).unwrap()
}

fn forward(listener: TcpListener, server: String) {
    thread::spawn(move || {
        for client in listener.incoming() {
            let client = client.unwrap();
            let server = TcpStream::connect(&server).unwrap();
            let (one, other) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || pass(client, other));
            thread::spawn(move || pass(server, one));
        }
    });
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
