//! What everybody may do in a library, on any database.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    catalogue::{Record, books_in, parsed},
    place::Place,
    program::{Program, Visitor, all, until},
};

/// Plan `pro`, books in English.
pub const RIVERSIDE: &str = "riverside";
/// Plan `basic`.
pub const LUMIERE: &str = "lumiere";
pub const LUMIERES_LANGUAGES: [&str; 4] = ["fr", "it", "es", "pt"];
/// Suspended.
pub const OLD_MILL: &str = "old-mill";

/// Walks through a program that was started on an empty place.
pub async fn tour(program: &Program, place: &Place) {
    tenants_are_told_apart(program).await;
    each_library_has_its_own_books(program, place).await;
    pages_are_bounded(program).await;
    books_come_and_go(program, place).await;
    an_author_has_books(program).await;
    nonsense_is_refused(program).await;
    a_book_is_lent_once(program, place).await;
    reports_are_for_who_pays(program).await;
    borrowers_are_reminded(program).await;
    requests_are_counted(program).await;
}

async fn tenants_are_told_apart(program: &Program) {
    let health = program.visit_nobody().get("/health").await.expect(200);
    assert_eq!(health, json!({ "status": "up" }));
    let me = program.visit(RIVERSIDE).get("/me").await.expect(200);
    let riverside = json!({ "id": RIVERSIDE, "name": "Riverside Public Library", "plan": "pro" });
    assert_eq!(me, riverside);
    let me = program.visit(LUMIERE).get("/me").await.expect(200);
    assert_eq!(me["name"], "Bibliothèque Lumière");
    for path in ["/me", "/books", "/books.csv", "/reports/lent", "/nowhere"] {
        let nobody = program.visit_nobody().get(path).await;
        nobody.refused_tenant(400, "tenant-missing");
        let suspended = program.visit(OLD_MILL).get(path).await;
        suspended.refused_tenant(403, "tenant-suspended");
        let unknown = program.visit("nowhere").get(path).await;
        unknown.refused_tenant(404, "unknown-tenant");
        let invalid = program.visit("Riverside").get(path).await;
        invalid.refused_tenant(400, "invalid-tenant-id");
    }
}

async fn each_library_has_its_own_books(program: &Program, place: &Place) {
    for (tenant, languages) in [
        (RIVERSIDE, ["en"].as_slice()),
        (LUMIERE, LUMIERES_LANGUAGES.as_slice()),
    ] {
        let expected = books_in(languages);
        let visitor = program.visit(tenant);
        let listed = listed(&visitor, "/books?").await;
        assert_eq!(listed.len(), expected.len());
        for (book, record) in listed.iter().zip(&expected) {
            assert_eq!(book["title"], record.title);
            assert_eq!(book["author"]["name"], record.author);
            assert_eq!(book["genre"], record.genre);
            assert_eq!(book["year"], json!(record.year));
            assert_eq!(book["language"], record.language);
            assert_eq!(book["loan"], Value::Null);
        }
        assert_eq!(place.books(tenant).await, expected);
        assert_eq!(exported(&visitor).await, expected);
    }
    // It is set up like the others, though it is not served.
    assert_eq!(place.books(OLD_MILL).await, books_in(&["de"]));
}

/// All books, page by page.
pub async fn listed(visitor: &Visitor<'_>, path: &str) -> Vec<Value> {
    let mut books = Vec::new();
    for page in 1.. {
        let path = format!("{path}&page={page}&per_page=17");
        let answer = visitor.get(&path).await.expect(200);
        let found = answer["books"].as_array().unwrap();
        assert!(found.len() <= 17);
        books.extend_from_slice(found);
        if answer["pages"].as_u64().unwrap() <= page {
            assert_eq!(answer["total"], books.len(), "{path}");
            break;
        }
        assert_eq!(found.len(), 17);
    }
    books
}

pub async fn exported(visitor: &Visitor<'_>) -> Vec<Record> {
    let response = visitor.send(Method::GET, "/books.csv", None).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8");
    // Nobody knows how long it will be when it begins.
    assert_eq!(headers["transfer-encoding"], "chunked");
    parsed(&response.text().await.unwrap())
}

async fn pages_are_bounded(program: &Program) {
    let riverside = program.visit(RIVERSIDE);
    let books = riverside.get("/books").await.expect(200);
    assert_eq!(books["books"].as_array().unwrap().len(), 20);
    let books = riverside.get("/books?per_page=100").await.expect(200);
    assert_eq!(books["books"].as_array().unwrap().len(), 100);
    let books = riverside.get("/books?page=1000000").await.expect(200);
    assert_eq!(books["books"], json!([]));
    for (query, why) in [
        ("per_page=101", "`per_page` is not between 1 and 100"),
        ("per_page=0", "`per_page` is not between 1 and 100"),
        ("page=0", "`page` is not between 1 and"),
        ("page=1000001", "`page` is not between 1 and"),
        ("page=x", "the query"),
        ("pages=1", "unknown field `pages`"),
    ] {
        let refused = riverside.get(&format!("/books?{query}")).await;
        refused.refused(422, why);
    }
}

async fn books_come_and_go(program: &Program, place: &Place) {
    let riverside = program.visit(RIVERSIDE);
    let author = json!({ "name": "Ada Lovelace", "born": 1815 });
    let added = riverside.post("/authors", author.clone()).await;
    let ada = added.expect(201);
    let at = added.location.unwrap();
    let ada_id = ada["id"].as_i64().unwrap();
    assert_eq!(at, format!("/authors/{ada_id}"));
    let again = riverside.post("/authors", author).await;
    again.refused(409, "Ada Lovelace is here already");

    let mut book = json!({
        "title": "  Sketch of the Analytical Engine ", "author_id": ada_id, "genre": "Science",
        "year": 1843, "language": "en",
    });
    let added = riverside.post("/books", book.clone()).await;
    let shown = added.expect(201);
    let at = added.location.unwrap();
    assert_eq!(shown["title"], "Sketch of the Analytical Engine");
    assert_eq!(
        shown["author"],
        json!({ "id": ada_id, "name": "Ada Lovelace" })
    );
    assert_eq!(riverside.get(&at).await.expect(200), shown);
    let of_ada = listed(&riverside, &format!("/books?author={ada_id}")).await;
    assert_eq!(of_ada, [shown]);
    // The other library has neither.
    program
        .visit(LUMIERE)
        .get(&at)
        .await
        .refused(404, "there is no book");
    let there = listed(&program.visit(LUMIERE), "/books?").await;
    assert_eq!(there.len(), books_in(&LUMIERES_LANGUAGES).len());

    book["title"] = json!("Notes by the Translator");
    book["year"] = Value::Null;
    let changed = riverside.put(&at, book.clone()).await.expect(200);
    assert_eq!(changed["title"], "Notes by the Translator");
    assert_eq!(changed["year"], Value::Null);
    assert_eq!(riverside.get(&at).await.expect(200), changed);
    let in_database = place.books(RIVERSIDE).await;
    assert_eq!(in_database.last().unwrap().title, "Notes by the Translator");
    assert_eq!(exported(&riverside).await, in_database);

    riverside.delete(&at).await.expect(204);
    for gone in [
        riverside.get(&at).await,
        riverside.delete(&at).await,
        riverside.put(&at, book).await,
    ] {
        gone.refused(404, "there is no book");
    }
    assert_eq!(place.books(RIVERSIDE).await, books_in(&["en"]));
}

async fn an_author_has_books(program: &Program) {
    let riverside = program.visit(RIVERSIDE);
    let first = &listed(&riverside, "/books?").await[0]["author"];
    let name = first["name"].as_str().unwrap();
    let mut expected = books_in(&["en"]);
    expected.retain(|book| book.author == name);
    expected.sort_by_key(|book| book.year);
    let author = riverside.get(&format!("/authors/{}", first["id"])).await;
    let author = author.expect(200);
    assert_eq!(
        (&author["name"], &author["born"]),
        (&json!(name), &json!(expected[0].born))
    );
    let titles = |book: &Value| book["title"].as_str().unwrap().to_owned();
    let found: Vec<_> = author["books"]
        .as_array()
        .unwrap()
        .iter()
        .map(titles)
        .collect();
    let expected: Vec<_> = expected.into_iter().map(|book| book.title).collect();
    assert!(expected.len() > 1);
    assert_eq!(found, expected);
    let nobody = riverside.get("/authors/1000000").await;
    nobody.refused(404, "there is no author 1000000");
}

async fn nonsense_is_refused(program: &Program) {
    let riverside = program.visit(RIVERSIDE);
    let good = json!({
        "title": "A", "author_id": 1, "genre": "Fiction", "year": 1900, "language": "en",
    });
    for (field, value, why) in [
        ("title", json!(" "), "`title` is empty"),
        (
            "title",
            json!("x".repeat(201)),
            "`title` has more than 200 characters",
        ),
        ("title", json!("a\u{0}b"), "`title` has control characters"),
        ("title", json!(3), "expected a string"),
        ("author_id", json!(1_000_000), "there is no author 1000000"),
        ("genre", json!("Cookery"), "there is no genre \"Cookery\""),
        ("year", json!(9_999), "`year` is not between"),
        ("language", json!(""), "`language` is empty"),
        ("titel", json!("A"), "unknown field `titel`"),
    ] {
        let mut book = good.clone();
        book[field] = value;
        riverside
            .post("/books", book.clone())
            .await
            .refused(422, why);
        riverside.put("/books/1", book).await.refused(422, why);
    }
    let missing = riverside.post("/books", json!({ "title": "A" })).await;
    missing.refused(422, "missing field");
    let ask = async |body: &str| {
        let body = Some(body.to_owned());
        riverside.ask(Method::POST, "/books", body).await
    };
    ask("{\"title\":").await.refused(400, "EOF");
    ask(&"x".repeat(17 * 1024))
        .await
        .refused(413, "at most 16384 bytes");
    let bare = riverside.ask(Method::POST, "/books", None).await;
    bare.refused(415, "application/json");
    let patched = riverside.ask(Method::PATCH, "/books", None).await;
    patched.refused(405, "not for that method");
    riverside
        .get("/books/one")
        .await
        .refused(404, "whole numbers");
    riverside
        .get("/nowhere")
        .await
        .refused(404, "nothing is served");
    let lent = |body| async move { riverside.post("/books/1/loans", body).await };
    lent(json!({ "borrower": "" }))
        .await
        .refused(422, "`borrower` is empty");
    let long = lent(json!({ "borrower": "Ada", "days": 91 })).await;
    long.refused(422, "`days` is not between 0 and 90");
}

async fn a_book_is_lent_once(program: &Program, place: &Place) {
    let riverside = program.visit(RIVERSIDE);
    let nowhere = json!({ "borrower": "Ada" });
    let nowhere = riverside.post("/books/1000000/loans", nowhere).await;
    nowhere.refused(404, "there is no book 1000000");

    let borrower = |n| json!({ "borrower": format!("Borrower {n}") });
    let asked = (0..8).map(|n| riverside.post("/books/1/loans", borrower(n)));
    let answers = all(asked).await;
    let (lent, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(lent.len(), 1, "{answers:?}");
    for refused in refused {
        refused.refused(409, "book 1 is lent already");
    }
    assert_eq!(place.count(RIVERSIDE, "loan", "1 = 1").await, 1);
    let loan = lent[0].expect(201);
    assert_eq!(
        loan["due_on"].as_i64().unwrap() - loan["lent_at"].as_i64().unwrap(),
        14 * 24 * 60 * 60
    );
    let book = riverside.get("/books/1").await.expect(200);
    assert_eq!(book["loan"], loan);
    // Those that were refused had counted already. It was undone.
    assert_eq!(book["times_lent"], 1);
    // The other library's first book is on its shelf.
    let theirs = program.visit(LUMIERE).get("/books/1").await.expect(200);
    assert_eq!(
        (&theirs["loan"], &theirs["times_lent"]),
        (&Value::Null, &json!(0))
    );

    riverside
        .delete("/books/1")
        .await
        .refused(409, "must come back first");
    let returned = riverside.delete("/books/1/loans").await.expect(200);
    assert_eq!(returned["loan"], Value::Null);
    riverside
        .delete("/books/1/loans")
        .await
        .refused(409, "book 1 is not lent");
    riverside
        .delete("/books/1000000/loans")
        .await
        .refused(404, "there is no book");
    riverside
        .post("/books/1/loans", borrower(9))
        .await
        .expect(201);
    let book = riverside.get("/books/1").await.expect(200);
    assert_eq!(
        (&book["loan"]["borrower"], &book["times_lent"]),
        (&json!("Borrower 9"), &json!(2))
    );
    assert_eq!(
        place.count(RIVERSIDE, "loan", "returned_at IS NULL").await,
        1
    );
}

async fn reports_are_for_who_pays(program: &Program) {
    let report = program
        .visit(RIVERSIDE)
        .get("/reports/lent")
        .await
        .expect(200);
    assert_eq!(
        (&report["lent"], &report["overdue"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(report["loans"][0]["book"], books_in(&["en"])[0].title);
    assert_eq!(report["loans"][0]["borrower"], "Borrower 9");
    let basic = program.visit(LUMIERE).get("/reports/lent").await;
    basic.refused(404, "nothing is served there");
}

async fn borrowers_are_reminded(program: &Program) {
    for tenant in [LUMIERE, RIVERSIDE] {
        let visitor = program.visit(tenant);
        let at_once = json!({ "borrower": "Somebody", "days": 0 });
        let lent = visitor.post("/books/3/loans", at_once).await.expect(201);
        assert_eq!(lent["reminded"], false);
        let later = json!({ "borrower": "Somebody else", "days": 1 });
        visitor.post("/books/4/loans", later).await.expect(201);
        until("the borrower is reminded", async || {
            let book = visitor.get("/books/3").await.expect(200);
            book["loan"]["reminded"] == true
        })
        .await;
        let book = visitor.get("/books/4").await.expect(200);
        assert_eq!(book["loan"]["reminded"], false);
        // For this tenant and that loan, and in the log nobody's name.
        let logged = format!("tenant{{tenant.id=\"{tenant}\"}}");
        let log = program.log();
        let overdue = log.lines().filter(|line| line.contains("overdue"));
        let overdue: Vec<_> = overdue
            .filter(|line| strip(line).contains(&logged))
            .collect();
        assert_eq!(overdue.len(), 1, "{log}");
        assert!(!log.contains("Somebody"), "{log}");
    }
    let report = program
        .visit(RIVERSIDE)
        .get("/reports/lent")
        .await
        .expect(200);
    assert_eq!(
        (&report["lent"], &report["overdue"]),
        (&json!(3), &json!(1))
    );
}

/// A line of the log without its colours.
fn strip(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        text.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    text + rest
}

async fn requests_are_counted(program: &Program) {
    let metrics = program.visit_nobody().get("/metrics").await;
    assert_eq!(metrics.status, 200);
    for series in [
        r#"tenant_requests_total{tenant="riverside",status="2xx"}"#,
        r#"tenant_requests_total{tenant="lumiere",status="4xx"}"#,
        r#"tenant_requests_total{tenant="(none)",status="4xx"}"#,
    ] {
        assert!(metrics.text.contains(series), "{}", metrics.text);
    }
    assert!(!metrics.text.contains("nowhere"), "{}", metrics.text);
}
