//! A world for each test: a database of its own on one of the three servers, in it two tenants and
//! the shared tables, and beside them rows that nobody may ever see.

pub mod entities;
mod world;

pub use self::world::{Server, World, plain};

/// Makes one test for each database of each async function `name(&World)`.
macro_rules! on_every_database {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::support::World::run(
                    $crate::support::Server::Postgres,
                    async |world| super::$name(world).await,
                ).await;
            })+
        }
        mod mysql {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::support::World::run(
                    $crate::support::Server::MySql,
                    async |world| super::$name(world).await,
                ).await;
            })+
        }
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::support::World::run(
                    $crate::support::Server::Sqlite,
                    async |world| super::$name(world).await,
                ).await;
            })+
        }
    };
}
pub(crate) use on_every_database;
