use std::time::Duration;

use futures_util::StreamExt;

use super::{Canned, Reply, json};
use crate::{TenantChange, TenantId, client::TenantChanges};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream;charset=utf-8\r\n\r\n";

fn events(text: &str) -> Vec<u8> {
    format!("{HEAD}{text}").into_bytes()
}

/// Events, and then the end of the connection.
fn ended(text: &str) -> Reply {
    Reply::Bytes(events(text))
}

/// Events, and then silence.
fn open(text: &str) -> Reply {
    Reply::Hang(events(text))
}

fn changed(id: &'static str) -> TenantChange {
    TenantChange::Changed(TenantId::from_static(id))
}

async fn next(changes: &mut TenantChanges, count: usize) -> Vec<TenantChange> {
    changes.take(count).collect().await
}

#[tokio::test]
async fn changes_come_as_they_are_told() {
    let canned = Canned::start([Reply::Drip(events(
        ":\n\nevent: ready\nid: 41\ndata: {}\n\n:\n\nevent: later\ndata: x\n\nevent: change\nid: 42\ndata: {\"tenant\":\"acme\",\"x\":1}\n\n",
    )), open("")])
    .await;
    let mut changes = canned.client().changes();
    assert_eq!(
        next(&mut changes, 2).await,
        [TenantChange::Missed, changed("acme")]
    );
    let head = &canned.heads()[0];
    assert!(
        head.starts_with("GET /tenants/events HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("accept: text/event-stream\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer t0ken\r\n"), "{head}");
    assert!(!head.contains("last-event-id"), "{head}");
}

#[tokio::test]
async fn a_new_connection_goes_on_where_the_old_one_was() {
    let canned = Canned::start([
        ended("event: ready\nid: 41\n\nevent: change\nid: 42\ndata: {\"tenant\":\"a\"}\n\n"),
        // It has not told what came between yet.
        ended("event: ready\nid: 50\n\n"),
        open("event: change\nid: 43\ndata: {\"tenant\":\"b\"}\n\n"),
    ])
    .await;
    let mut changes = canned.client().changes();
    assert_eq!(
        next(&mut changes, 3).await,
        [TenantChange::Missed, changed("a"), changed("b")]
    );
    let heads = canned.heads();
    assert_eq!(heads.len(), 3);
    assert!(heads[1].contains("last-event-id: 42\r\n"), "{}", heads[1]);
    assert!(heads[2].contains("last-event-id: 42\r\n"), "{}", heads[2]);
}

#[tokio::test]
async fn what_cannot_be_told_is_missed() {
    let canned = Canned::start([
        ended("event: ready\nid: 1\n\nevent: reset\nid: 7\n\n"),
        ended("event: change\nid: 8\ndata: {\"tenant\":\"A!\"}\n\n"),
        ended("event: change\nid: 9\ndata: ?\n\n"),
        open("event: change\nid: 10\ndata: {\"tenant\":\"a\"}\n\n"),
    ])
    .await;
    let mut changes = canned.client().changes();
    let mut expected = vec![TenantChange::Missed; 4];
    expected.push(changed("a"));
    assert_eq!(next(&mut changes, 5).await, expected);
    for (head, id) in canned.heads().iter().skip(1).zip(["7", "8", "9"]) {
        assert!(head.contains(&format!("last-event-id: {id}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn without_a_place_every_connection_may_have_missed_something() {
    let canned = Canned::start([ended(""), ended("event: ready\nid\n\n"), open("")]).await;
    let mut changes = canned.client().changes();
    assert_eq!(next(&mut changes, 3).await, vec![TenantChange::Missed; 3]);
    assert!(!canned.heads().concat().contains("last-event-id"));
}

#[tokio::test]
async fn an_event_that_is_too_long_is_missed_and_not_asked_for_again() {
    let long = format!(
        "event: ready\nid: 1\n\nevent: change\nid: 2\ndata: {}",
        "x".repeat(70_000)
    );
    let canned = Canned::start([
        open(&long),
        open("event: change\ndata: {\"tenant\":\"a\"}\n\n"),
    ]);
    let canned = canned.await;
    let mut changes = canned.client().changes();
    let mut expected = vec![TenantChange::Missed; 3];
    expected.push(changed("a"));
    assert_eq!(next(&mut changes, 4).await, expected);
    assert!(!canned.heads()[1].contains("last-event-id"));
}

#[tokio::test]
async fn a_place_that_is_refused_or_cannot_be_named_is_given_up() {
    let endless = format!("event: ready\nid: {}\n\n", "1".repeat(1000));
    let canned = Canned::start([
        ended("event: ready\nid: 1\n\n"),
        json(400, "{}"),
        ended(&endless),
        ended("event: ready\nid: ü\n\n"),
        open("event: change\ndata: {\"tenant\":\"a\"}\n\n"),
    ])
    .await;
    let mut changes = canned.client().changes();
    let mut expected = vec![TenantChange::Missed; 4];
    expected.push(changed("a"));
    assert_eq!(next(&mut changes, 5).await, expected);
    let heads = canned.heads();
    let asked: Vec<_> = heads
        .iter()
        .map(|head| head.contains("last-event-id"))
        .collect();
    assert_eq!(asked, [false, true, false, false, false]);
}

#[tokio::test]
async fn failures_are_survived() {
    let canned = Canned::start([
        json(401, "{}"),
        json(503, ""),
        json(200, "{}"),
        Reply::Close,
        Reply::Hang(Vec::new()),
        open("event: change\ndata: {\"tenant\":\"a\"}\n\n"),
    ])
    .await;
    let builder = canned.builder().attempt_timeout(Duration::from_millis(200));
    let mut changes = builder.build().unwrap().changes();
    assert_eq!(
        next(&mut changes, 2).await,
        [TenantChange::Missed, changed("a")]
    );
    assert_eq!(canned.heads().len(), 6);
}

#[tokio::test]
async fn silence_is_a_lost_connection() {
    let canned = Canned::start([
        open("event: ready\nid: 1\n\n"),
        open("event: change\nid: 2\ndata: {\"tenant\":\"a\"}\n\n"),
    ])
    .await;
    let builder = canned
        .builder()
        .events_idle_timeout(Duration::from_millis(200));
    let mut changes = builder.build().unwrap().changes();
    assert_eq!(
        next(&mut changes, 2).await,
        [TenantChange::Missed, changed("a")]
    );
}

#[tokio::test]
async fn an_item_that_was_not_waited_for_is_not_lost() {
    let canned = Canned::start([
        Reply::Drip(events("event: change\nid: 1\ndata: {\"tenant\":\"a\"}\n\n")),
        open(""),
    ])
    .await;
    let mut changes = canned.client().changes();
    let mut told = Vec::new();
    while told.len() < 2 {
        // Dropped after one poll, again and again.
        tokio::select! {
            biased;
            Some(change) = changes.next() => told.push(change),
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(told, [TenantChange::Missed, changed("a")]);
}
