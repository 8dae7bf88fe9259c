//! To the commands of a migration program.

use super::{is_id, names};
use crate::{
    migration::program::Program,
    support::{Server, World},
};

/// Of ids: `status` takes those.
fn is_pattern(name: &str) -> bool {
    let without = name.replace(['*', '?'], "x");
    without != name && is_id(&without)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_takes_a_name_that_is_none() {
    World::run(Server::Sqlite, async |world| {
        let program = Program::new(world);
        program.well("create @one");
        let mut tried = 0;
        // What an argument can carry.
        let names = names(400, 4_000)
            .filter(|name| !is_id(name) && !is_pattern(name) && !name.contains('\0'));
        for (number, name) in names.take(figures::sized(60, 600)).enumerate() {
            // Behind `--`, so that none is a flag.
            let line = [
                "create",
                "clone @one",
                "rename @one",
                "archive --yes",
                "status",
            ][number % 5];
            let mut command = program.command(line);
            command.arg("--").arg(&name);
            let ran = program.ran(command);
            assert_eq!(ran.code, 2, "{line} {name:?}: {}{}", ran.out, ran.err);
            tried += 1;
        }
        let list = program.json("list", 0);
        assert_eq!(list["total"], 1, "{list}");
        assert_eq!(list["tenants"][0]["status"], "active");
        program.remove().await;
        figures::figure("names-tried", tried);
    })
    .await;
}
