//! Runs a command beside a throw-away PostgreSQL and MariaDB:
//!
//!     cargo run -p tenant-testkit --example with-servers -- COMMAND [ARGUMENT...]
//!
//! The command finds them in `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`; a server whose URL is set
//! already is not started. The exit status is the command's. `POSTGRES_FSYNC=on` is for measurements:
//! PostgreSQL then waits for its disk.

#![allow(clippy::print_stderr, reason = "a program")]

use std::{
    env,
    error::Error,
    os::unix::process::ExitStatusExt as _,
    process::{ExitCode, ExitStatus},
};

use tenant_testkit::{MariaDb, Postgres};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        // As a shell has it.
        Ok(status) => {
            let code = status
                .code()
                .or_else(|| status.signal().map(|signal| 128 + signal));
            ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
        }
        Err(error) => {
            eprintln!("with-servers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitStatus, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments
        .next()
        .ok_or("usage: with-servers COMMAND [ARGUMENT...]")?;
    // From here on a signal ends the command, and not us: the servers are stopped after it.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;

    let mut command = Command::new(&program);
    command.args(arguments);
    let postgres = postgres()?;
    let mariadb = mariadb()?;
    if let Some(postgres) = &postgres {
        eprintln!(
            "with-servers: PostgreSQL {} on 127.0.0.1:{}",
            postgres.version(),
            postgres.port()
        );
        command.env("TEST_POSTGRES_URL", postgres.url().expose());
    }
    if let Some(mariadb) = &mariadb {
        eprintln!(
            "with-servers: MariaDB {} on 127.0.0.1:{}",
            mariadb.version(),
            mariadb.port()
        );
        command.env("TEST_MYSQL_URL", mariadb.url().expose());
    }
    let mut command = command
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    loop {
        tokio::select! {
            status = command.wait() => return Ok(status?),
            // The terminal has sent it to the command, too, which may have its reasons to go on.
            _ = interrupt.recv() => {}
            _ = terminate.recv() => command.start_kill()?,
            _ = hangup.recv() => command.start_kill()?,
        }
    }
}

fn postgres() -> Result<Option<Postgres>, Box<dyn Error>> {
    if env::var_os("TEST_POSTGRES_URL").is_some() {
        return Ok(None);
    }
    let builder = Postgres::builder();
    let waits = env::var("POSTGRES_FSYNC").is_ok_and(|fsync| fsync == "on");
    let builder = if waits { builder.durable() } else { builder };
    Ok(Some(builder.start()?))
}

fn mariadb() -> Result<Option<MariaDb>, Box<dyn Error>> {
    if env::var_os("TEST_MYSQL_URL").is_some() {
        return Ok(None);
    }
    Ok(Some(MariaDb::start()?))
}
