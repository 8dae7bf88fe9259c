//! The example `migration`, as a process.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use base64::Engine as _;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use sea_orm_tenant::{DatabaseStore, DatabaseUrl, TenantConnection, TenantId, UrlKeys};
use serde_json::Value;

use crate::support::{Server, World, plain};

/// The example, which `scripts/test` has built with all the others. `cargo test --test integration`
/// has not.
fn executable() -> &'static PathBuf {
    static EXECUTABLE: OnceLock<PathBuf> = OnceLock::new();
    EXECUTABLE.get_or_init(|| {
        let tests = env::current_exe().unwrap();
        let built = tests.parent().unwrap().parent().unwrap();
        let example = built.join("examples").join("migration");
        if env::var_os("EXAMPLES_ARE_BUILT").is_some() {
            assert!(example.exists(), "{} is not there", example.display());
            return example;
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
            "build",
            "--quiet",
            "--workspace",
            "--example",
            "migration",
        ]);
        if built.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.status().unwrap();
        assert!(status.success(), "the example is not built");
        example
    })
}

/// The program, with its tenants in a world's databases.
pub struct Program<'w> {
    pub world: &'w World,
    /// What is dropped in the end besides the tenants that the world knows.
    archived: Mutex<Vec<String>>,
    keys: String,
}

/// What came of a run.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl<'w> Program<'w> {
    pub fn new(world: &'w World) -> Self {
        // Before anything is measured.
        executable();
        let key: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        Self {
            world,
            archived: Mutex::default(),
            keys: base64::engine::general_purpose::STANDARD.encode(key),
        }
    }

    /// The test's own: schemas of MySQL are global to the server.
    pub fn id(&self, name: &str) -> TenantId {
        let (_, number) = self.world.acme.as_str().split_once('-').unwrap();
        let id: TenantId = format!("{name}-{number}").parse().unwrap();
        // So that it is removed with the world, and has a connection from there.
        if !self.world.store.ids().contains(&id) {
            let database = &self.world.database;
            self.world.store.add(id.clone(), database).unwrap();
        }
        id
    }

    /// The command line, in which `@name` is the id of a tenant.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(executable());
        for variable in [
            "DATABASE_URL",
            "SHARED_DATABASE_URL",
            "RUST_LOG",
            "TENANT_ENV",
        ] {
            command.env_remove(variable);
        }
        command
            .env("DATABASE_URL", self.world.database.expose())
            .env("TENANT_KEYS", &self.keys)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for word in line.split_whitespace() {
            match word.strip_prefix('@') {
                Some(name) => command.arg(self.id(name).as_str()),
                None => command.arg(word),
            };
        }
        command
    }

    pub fn run(&self, line: &str) -> Ran {
        self.ran(self.command(line))
    }

    /// Runs it to its end, and looks for secrets in what it writes.
    pub fn ran(&self, mut command: Command) -> Ran {
        let output = command.output().unwrap();
        let url = url::Url::parse(self.world.database.expose()).unwrap();
        let password = url.password().map(str::to_owned);
        let ran = Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(&self.keys), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
            if let Some(password) = &password {
                assert!(!text.contains(&format!(":{password}@")), "{text}");
            }
            assert!(!text.contains("panicked at"), "{text}");
        }
        if let Some((_, name)) = ran.out.split_once("its data is in ") {
            self.archived().push(name.trim().to_owned());
        }
        ran
    }

    /// As [`run`](Self::run), and all is well.
    pub fn well(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
        ran
    }

    /// The document of a command that ends with this code.
    pub fn json(&self, line: &str, code: i32) -> Value {
        let ran = self.run(&format!("{line} --json"));
        assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
        serde_json::from_str(&ran.out).unwrap()
    }

    /// Starts it, and gives its lines on the way to whoever waits for them.
    pub fn start(&self, line: &str) -> Running {
        let mut child = self.command(line).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        Running { child, lines }
    }

    fn archived(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.archived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the program's registry is, and the shared tables.
    pub fn shared_url(&self) -> DatabaseUrl {
        match self.world.server {
            Server::Sqlite => {
                let directory = self.world.database.expose();
                DatabaseUrl::new(format!("{directory}/shared.sqlite?mode=rwc")).unwrap()
            }
            _ => self.world.database.clone(),
        }
    }

    /// The program's registry.
    pub async fn registry(&self) -> DatabaseStore {
        if let Some(file) = self.shared_url().file() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
        }
        let mut options = plain(&self.shared_url());
        options.max_connections(1);
        let db = Database::connect(options).await.unwrap();
        let registry = DatabaseStore::new(db, UrlKeys::parse(&self.keys).unwrap());
        registry.migrate().await.unwrap();
        registry
    }

    /// A connection of a tenant, past the program.
    pub async fn tenant(&self, name: &str) -> TenantConnection {
        self.world.tenancy.for_tenant(&self.id(name)).await.unwrap()
    }

    /// The first column of a query's rows.
    pub async fn ask(db: &DatabaseConnection, sql: &str) -> Vec<String> {
        let select = Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(select).await.unwrap();
        let rows = rows.iter().map(|row| row.try_get_by_index(0).unwrap());
        rows.collect()
    }

    /// Removes what the world does not know of.
    pub async fn remove(self) {
        if self.world.server != Server::MySql {
            return;
        }
        let shared = self.world.tenancy.shared().await.unwrap();
        let archived = std::mem::take(&mut *self.archived());
        for name in archived {
            let drop = format!("DROP DATABASE IF EXISTS `{name}`");
            shared.execute_unprepared(&drop).await.unwrap();
        }
    }
}

/// The program while it runs. Dropped, it is killed.
pub struct Running {
    pub child: Child,
    lines: BufReader<std::process::ChildStderr>,
}

impl Running {
    /// Waits for a line on the standard error that has this text.
    pub fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.lines.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended without {text:?}");
            if line.contains(text) {
                return;
            }
        }
    }

    /// Waits for so many lines, or for the end.
    pub fn wait_for_lines(&mut self, number: usize) {
        let mut line = String::new();
        for _ in 0..number {
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return;
            }
        }
    }

    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    /// How it ended, and what it wrote.
    pub fn end(mut self) -> Ran {
        let (mut out, mut err) = (String::new(), String::new());
        let stdout = self.child.stdout.as_mut().unwrap();
        stdout.read_to_string(&mut out).unwrap();
        self.lines.read_to_string(&mut err).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran { code, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
