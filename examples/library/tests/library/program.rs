//! The program as a process, and those who visit it.

use std::{
    fs::{self, File},
    future::Future,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

/// The longest that anything here may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the program may be told by the environment: nothing that the test does not say.
const VARIABLES: [&str; 8] = [
    "DATABASE_URL",
    "LIBRARY_DATA",
    "LIBRARY_LISTEN",
    "LIBRARY_REMIND_EVERY",
    "LIBRARY_TENANTS",
    "RUST_LOG",
    "TENANT_SERVICE_TOKEN",
    "TENANT_SERVICE_URL",
];

/// The program, in an environment of its own.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_library"));
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.args(["--listen", "127.0.0.1:0", "--remind-every", "200ms"]);
    command
}

/// The program, running. Dropped, it is killed; when the test fails, its log is shown.
pub struct Program {
    child: Child,
    url: String,
    http: reqwest::Client,
    log: PathBuf,
    _directory: TempDir,
}

impl Program {
    /// Starts it, and waits until it serves.
    pub fn start(mut command: Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut program = Self {
            child,
            url: String::new(),
            http: client_without_tls(),
            log,
            _directory: directory,
        };
        let (line, printed) = mpsc::channel();
        thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        let line = printed
            .recv_timeout(DEADLINE)
            .expect("the program did not say that it serves");
        let url = line.strip_prefix("serving ").expect(&line);
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        program.url = url.to_owned();
        program
    }

    /// Somebody who asks for a tenant.
    pub fn visit<'a>(&'a self, tenant: &'a str) -> Visitor<'a> {
        Visitor {
            program: self,
            tenant: Some(tenant),
        }
    }

    /// Somebody who names no tenant.
    pub fn visit_nobody(&self) -> Visitor<'_> {
        Visitor {
            program: self,
            tenant: None,
        }
    }

    /// Asks it to stop as service managers do, and waits for it.
    pub async fn stop(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(killed.unwrap().success());
        let mut status = None;
        until("the program ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// What it wrote to standard error by now.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The most memory it ever had, in kilobytes.
    #[cfg(target_os = "linux")]
    pub fn most_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse().unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    program: &'a Program,
    tenant: Option<&'a str>,
}

impl Visitor<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body.to_string())).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    /// With any body that is said to be JSON.
    pub async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Answer {
        let response = self.send(method, path, body).await;
        let status = response.status();
        let header = |name| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let (media_type, location) = (header("content-type"), header("location"));
        let text = response.text().await.unwrap();
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(media_type.as_deref(), Some("application/problem+json"));
            let problem: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(problem["status"], status.as_u16(), "{text}");
        }
        Answer {
            status,
            location,
            text,
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<String>) -> Response {
        let url = format!("{}{path}", self.program.url);
        let mut request = self.program.http.request(method, url).timeout(DEADLINE);
        if let Some(tenant) = self.tenant {
            request = request.header("X-Tenant-ID", tenant);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        request.send().await.unwrap()
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub text: String,
}

impl Answer {
    /// The body, of an answer that must have that status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A problem, whose detail must say that.
    #[track_caller]
    pub fn refused(&self, status: u16, detail: &str) {
        let problem = self.expect(status);
        let said = problem["detail"].as_str().unwrap_or_default();
        assert!(said.contains(detail), "{}", self.text);
    }

    /// A problem of the middleware's, which is of that kind.
    #[track_caller]
    pub fn refused_tenant(&self, status: u16, kind: &str) {
        let problem = self.expect(status);
        assert_eq!(problem["type"], format!("tag:sea-orm-tenant,2026:{kind}"));
    }
}

/// Waits until something is so.
pub async fn until(what: &str, condition: impl AsyncFnMut() -> bool) {
    within(DEADLINE, what, condition).await;
}

/// Waits until something is so, which must be soon.
pub async fn within(deadline: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// It wants a provider of TLS all the same; nothing here is encrypted.
pub fn client_without_tls() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Polls a future and the program's other visitors at once.
pub async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(futures).await
}
