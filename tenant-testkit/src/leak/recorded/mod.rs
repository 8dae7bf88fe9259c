//! Statements as they reached the server: whatever an application did on the way, it shows there.

mod judge;
mod log;
mod statement;

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

pub(crate) use self::judge::Judge;
use crate::{TestDatabase, TestkitError, scratch, server::LOG_LINE_PREFIX};

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// The connection that it came on.
    pub(crate) session: String,
    pub(crate) sql: String,
}

/// The log of a server that this kit has started, as far as it is about one database.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: PathBuf,
    offset: u64,
    database: String,
    backend: DbBackend,
    /// On MariaDB, connections of the database: only their first line names it.
    sessions: Vec<String>,
}

impl Recorder {
    /// Has the server write down the statements on a database from now on. `None` where it has no
    /// log, or one that we cannot read.
    ///
    /// Connections that are open begin anew, so that they are seen from their beginning.
    pub(crate) async fn start(
        database: &TestDatabase,
        admin: &DatabaseConnection,
    ) -> Result<Option<Self>, TestkitError> {
        let Some(name) = database.name() else {
            return Ok(None);
        };
        let recording = || TestkitError::database(format!("record the statements on {name}"));
        let backend = database.backend();
        let path = match backend {
            DbBackend::Postgres => postgres_log(admin, name).await,
            _ => mariadb_log(admin, name).await,
        };
        let Some(path) = path.map_err(recording())? else {
            return Ok(None);
        };
        let Ok(length) = path.metadata().map(|data| data.len()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            path,
            offset: length,
            database: name.to_owned(),
            backend,
            sessions: Vec::new(),
        }))
    }

    /// The statements since the last call.
    pub(crate) fn take(&mut self) -> Result<Vec<Recorded>, TestkitError> {
        let mut text = Vec::new();
        File::open(&self.path)
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(self.offset))?;
                file.read_to_end(&mut text)
            })
            .map_err(TestkitError::io(format!("read {}", self.path.display())))?;
        // What is being written is for the next time.
        let end = text.iter().rposition(|byte| *byte == b'\n');
        text.truncate(end.map_or(0, |end| end + 1));
        self.offset += text.len() as u64;
        let text = String::from_utf8_lossy(&text);
        Ok(match self.backend {
            DbBackend::Postgres => log::of_postgres(&text, &self.database),
            _ => log::of_mariadb(&text, &self.database, &mut self.sessions),
        })
    }
}

/// What is ours on a connection is no visit's.
pub(crate) async fn leave_out(admin: &DatabaseConnection) -> Result<(), DbErr> {
    match admin.get_database_backend() {
        DbBackend::Postgres => {
            admin
                .execute_unprepared("SET log_statement = 'none'")
                .await?
        }
        DbBackend::MySql => {
            admin
                .execute_unprepared("SET SESSION sql_log_off = ON")
                .await?
        }
        _ => return Ok(()),
    };
    Ok(())
}

async fn postgres_log(admin: &DatabaseConnection, name: &str) -> Result<Option<PathBuf>, DbErr> {
    let data = ask(admin, "SHOW data_directory").await?;
    if !is_ours(&data) || ask(admin, "SHOW log_line_prefix").await? != LOG_LINE_PREFIX {
        return Ok(None);
    }
    for statement in [
        format!("ALTER DATABASE \"{name}\" SET log_statement = 'all'"),
        format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        ),
    ] {
        admin.execute_unprepared(&statement).await?;
    }
    Ok(Path::new(&data).parent().map(|home| home.join("log")))
}

async fn mariadb_log(admin: &DatabaseConnection, name: &str) -> Result<Option<PathBuf>, DbErr> {
    let data = ask(admin, "SELECT @@datadir").await?;
    if !is_ours(&data) {
        return Ok(None);
    }
    // It goes on for other databases of this server, and ends with it.
    for statement in [
        "SET GLOBAL log_output = 'FILE'",
        "SET GLOBAL general_log = ON",
    ] {
        admin.execute_unprepared(statement).await?;
    }
    let connected = format!(
        "SELECT CAST(id AS SIGNED) FROM information_schema.processlist \
         WHERE db = '{name}' AND id <> CONNECTION_ID()"
    );
    let connected = Statement::from_string(DbBackend::MySql, connected);
    for row in admin.query_all_raw(connected).await? {
        let id: i64 = row.try_get_by_index(0)?;
        // It may have ended meanwhile.
        let _gone = admin.execute_unprepared(&format!("KILL {id}")).await;
    }
    let file = ask(admin, "SELECT @@general_log_file").await?;
    // Relative to the data; an absolute one takes its place.
    Ok(Some(Path::new(&data).join(file)))
}

/// Only on a server of ours are settings ours to change.
fn is_ours(data: &str) -> bool {
    data.contains(scratch::PREFIX)
}

async fn ask(db: &DatabaseConnection, sql: &str) -> Result<String, DbErr> {
    let ask = Statement::from_string(db.get_database_backend(), sql);
    match db.query_one_raw(ask).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(String::new()),
    }
}
