//! The same on each database: a tour, an orderly end, and a second start that changes nothing.

use serde_json::Value;

use crate::{
    place::Place,
    program::{Program, until},
    tour::{LUMIERE, OLD_MILL, RIVERSIDE, exported, listed, tour},
};

#[tokio::test]
async fn on_sqlite() {
    everything(&Place::files()).await;
}

#[tokio::test]
async fn on_postgres() {
    everything(&Place::postgres().await).await;
}

#[tokio::test]
async fn on_mysql() {
    everything(&Place::mysql().await).await;
}

async fn everything(place: &Place) {
    let program = Program::start(place.command());
    tour(&program, place).await;
    // A book that was removed is not delivered again.
    let riverside = program.visit(RIVERSIDE);
    riverside.delete("/books/7").await.expect(204);
    let before = shown(&program, place).await;
    assert_eq!(program.stop().await.code(), Some(0));

    let program = Program::start(place.command());
    assert_eq!(shown(&program, place).await, before);
    one_broken_library_is_no_others_concern(&program, place).await;
    assert_eq!(program.stop().await.code(), Some(0));
}

/// All that there is to see of the libraries.
async fn shown(program: &Program, place: &Place) -> Vec<Value> {
    let mut all = Vec::new();
    for tenant in [RIVERSIDE, LUMIERE] {
        let visitor = program.visit(tenant);
        all.extend(listed(&visitor, "/books?").await);
        let exported = exported(&visitor).await;
        assert_eq!(exported, place.books(tenant).await);
        all.push(format!("{exported:?}").into());
    }
    for tenant in [RIVERSIDE, LUMIERE, OLD_MILL] {
        for table in ["author", "book", "loan", "delivery"] {
            let rows = place.count(tenant, table, "1 = 1").await;
            all.push(format!("{tenant} {table} {rows}").into());
        }
    }
    all
}

/// `lumiere` comes before `riverside` in every round.
async fn one_broken_library_is_no_others_concern(program: &Program, place: &Place) {
    place.execute(LUMIERE, "DROP TABLE {schema}.loan").await;
    let broken = program.visit(LUMIERE).get("/books").await;
    broken.refused_tenant(500, "internal");
    let riverside = program.visit(RIVERSIDE);
    let at_once = serde_json::json!({ "borrower": "Somebody", "days": 0 });
    riverside.post("/books/5/loans", at_once).await.expect(201);
    until("the borrower is reminded", async || {
        let book = riverside.get("/books/5").await.expect(200);
        book["loan"]["reminded"] == true
    })
    .await;
    until("the broken library is in the log", async || {
        program.log().contains("borrowers were not reminded")
    })
    .await;
}
