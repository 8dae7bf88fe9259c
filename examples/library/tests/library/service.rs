//! Libraries that the tenant management service knows.

use std::{process::Command, time::Duration};

use sea_orm_tenant::{DatabaseUrl, UrlKeys};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenant_service::Service;

use crate::{
    catalogue::books_in,
    program::{self, Program, client_without_tls, until, within},
    tour::exported,
};

const ADMIN: &str = "an-administrator-of-these-tests";
/// Much less than the time for which answers are remembered: whatever happens within it happens
/// because the service told of it.
const SOON: Duration = Duration::from_secs(10);

/// The tenant service, its administrator, and a directory for the libraries.
struct Rig {
    service: Service,
    http: reqwest::Client,
    directory: TempDir,
}

impl Rig {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("service.sqlite");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let tenants = DatabaseUrl::sqlite(directory.path().join("tenants")).unwrap();
        let service =
            Service::builder(DatabaseUrl::new(url).unwrap(), UrlKeys::generate().unwrap())
                .listen(([127, 0, 0, 1], 0).into())
                .admin_token(ADMIN)
                .tenant_database(tenants);
        Self {
            service: service.start().await.unwrap(),
            http: client_without_tls(),
            directory,
        }
    }

    /// The program, with its tenants there.
    fn command(&self) -> Command {
        let mut command = program::command();
        command
            .env("TENANT_SERVICE_URL", self.service.url())
            .env("TENANT_SERVICE_TOKEN", ADMIN)
            .arg("--data")
            .arg(self.directory.path());
        command
    }

    async fn add(&self, id: &str, status: &str, plan: &str, languages: &[&str]) {
        let tenant = json!({
            "id": id, "status": status, "plan": plan, "metadata": { "languages": languages },
        });
        let url = format!("{}/tenants", self.service.url());
        let request = self.http.post(url).bearer_auth(ADMIN).json(&tenant);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }

    async fn change(&self, id: &str, change: Value) {
        let url = format!("{}/tenants/{id}", self.service.url());
        let request = self.http.patch(url).bearer_auth(ADMIN);
        let request = request.header("if-match", "*").json(&change);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libraries_come_and_go_at_the_service() {
    let rig = Rig::start().await;
    rig.add("riverside", "active", "pro", &["en"]).await;
    let program = Program::start(rig.command());
    let riverside = program.visit("riverside");
    assert_eq!(exported(&riverside).await, books_in(&["en"]));
    riverside.get("/reports/lent").await.expect(200);
    let lumiere = program.visit("lumiere").get("/books").await;
    lumiere.refused_tenant(404, "unknown-tenant");

    a_new_one_is_set_up(&rig, &program).await;
    one_that_is_suspended_is_refused(&rig, &program).await;

    rig.change("riverside", json!({ "plan": "basic" })).await;
    within(SOON, "the plan is another", async || {
        riverside.get("/reports/lent").await.status == 404
    })
    .await;

    // Whoever was asked for since it changed is served while nobody can say who is there.
    riverside.get("/books").await.expect(200);
    rig.service.stop().await;
    riverside.get("/books").await.expect(200);
    program.visit("nordlys").get("/books").await.expect(200);
    assert_eq!(program.stop().await.code(), Some(0));
}

async fn a_new_one_is_set_up(rig: &Rig, program: &Program) {
    let nordlys = program.visit("nordlys");
    let languages = ["no", "sv", "da"];
    rig.add("nordlys", "pending", "basic", &languages).await;
    within(SOON, "the library is known", async || {
        nordlys.get("/books").await.status == 503
    })
    .await;
    nordlys
        .get("/books")
        .await
        .refused_tenant(503, "tenant-not-ready");
    until("the library is set up", async || {
        let log = program.log();
        log.lines()
            .any(|line| line.contains("a library is set up") && line.contains("nordlys"))
    })
    .await;
    for status in ["provisioning", "active"] {
        rig.change("nordlys", json!({ "status": status })).await;
    }
    within(SOON, "the library is served", async || {
        nordlys.get("/books").await.status == 200
    })
    .await;
    assert_eq!(exported(&nordlys).await, books_in(&languages));
    nordlys.get("/reports/lent").await.refused(404, "nothing");
}

async fn one_that_is_suspended_is_refused(rig: &Rig, program: &Program) {
    let riverside = program.visit("riverside");
    rig.change("riverside", json!({ "status": "suspended" }))
        .await;
    within(SOON, "the library is refused", async || {
        riverside.get("/books").await.status == 403
    })
    .await;
    riverside
        .get("/books")
        .await
        .refused_tenant(403, "tenant-suspended");
    program.visit("nordlys").get("/books").await.expect(200);
    rig.change("riverside", json!({ "status": "active" })).await;
    within(SOON, "the library is served again", async || {
        riverside.get("/books").await.status == 200
    })
    .await;
}
