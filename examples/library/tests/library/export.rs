//! An export is whole, or seen not to be; and it is never in memory.

use futures_util::StreamExt as _;
use reqwest::Method;

use crate::{
    catalogue::{books_in, parsed},
    place::Place,
    program::{Program, until},
    tour::{LUMIERE, RIVERSIDE, exported},
};

/// Forty megabytes, of which some kilobytes are under way at a time.
const MANY: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) \
                    INSERT INTO {schema}.book (title, author_id, genre_id, year, language, times_lent) \
                    SELECT printf('%.4000c', 'x'), 1, 1, NULL, 'en', 0 FROM n";

/// A row that cannot be read, behind the last.
const BAD: &str = "INSERT INTO {schema}.book (title, author_id, genre_id, year, language, times_lent) \
                   SELECT 'Bad', author_id, genre_id, 'in spring', 'en', 0 FROM {schema}.book WHERE id = 1";

#[tokio::test]
async fn one_that_fails_half_way_breaks_off() {
    let place = Place::files();
    let program = Program::start(place.command());
    let riverside = program.visit(RIVERSIDE);
    assert_eq!(exported(&riverside).await, books_in(&["en"]));
    // So many that the beginning is with the client when the end fails. Otherwise the connection may
    // break before it has sent anything.
    place.execute(RIVERSIDE, MANY).await;
    place.execute(RIVERSIDE, BAD).await;

    let response = riverside.send(Method::GET, "/books.csv", None).await;
    assert_eq!(response.status(), 200);
    let mut body = response.bytes_stream();
    let (mut read, mut failed) = (Vec::new(), false);
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => read.extend_from_slice(&piece),
            Err(_) => failed = true,
        }
    }
    assert!(failed, "{} bytes seem to be all", read.len());
    assert!(read.starts_with(b"title,author,"));
    until("the reason is in the log", async || {
        program.log().contains("an export broke off")
    })
    .await;
    // Nobody else has noticed.
    let lumiere = exported(&program.visit(LUMIERE)).await;
    assert_eq!(lumiere, place.books(LUMIERE).await);
}

#[tokio::test]
async fn a_large_one_is_never_in_memory() {
    let place = Place::files();
    let program = Program::start(place.command());
    let riverside = program.visit(RIVERSIDE);
    exported(&riverside).await;
    place.execute(RIVERSIDE, MANY).await;
    #[cfg(target_os = "linux")]
    let before = program.most_memory();

    // Those who give up half way, more of them than there are connections, hold nothing.
    for _ in 0..12 {
        let mut response = riverside.send(Method::GET, "/books.csv", None).await;
        assert!(response.chunk().await.unwrap().is_some());
    }
    // Nor does one who reads nothing for as long as another reads it all.
    let slow = riverside.send(Method::GET, "/books.csv", None).await;
    let response = riverside.send(Method::GET, "/books.csv", None).await;
    let text = response.text().await.unwrap();
    assert!(text.len() > 40_000_000, "{}", text.len());
    assert_eq!(parsed(&text).len(), books_in(&["en"]).len() + 10_000);
    #[cfg(target_os = "linux")]
    {
        let grown = program.most_memory() - before;
        // Most of it is the cache of pages that each of SQLite's connections has.
        assert!(grown < 16_000, "{grown} kB more than before");
    }
    let books = riverside.get("/books?page=2").await.expect(200);
    assert_eq!(books["page"], 2);
    assert_eq!(slow.text().await.unwrap(), text);
}
