//! What fuzzers do with the client: see `crate::fuzzing`.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

use super::{answer, parser::Parser};
use crate::{TenantError, TenantId, fuzzing::text};

static ACME: TenantId = TenantId::from_static("acme");
const PASSWORD: &str = "hunter2";

/// Answers of something that may not be the tenant service: they are understood as they are meant,
/// or refused without repeating what could be a secret.
pub fn answers(input: &mut Unstructured<'_>) -> Result<()> {
    let body = body(input)?;
    let _ = answer::check_whole(&body);
    let _ = answer::changed(&String::from_utf8_lossy(&body));
    // Members that nobody asked for are not looked at, and may be no text: what is compared below is
    // compared where all of it can be read.
    let said: Option<Map<String, Value>> = serde_json::from_slice(&body).ok();
    let says = |key: &str, value: &str| {
        let Some(said) = &said else {
            return true;
        };
        said.get(key).and_then(Value::as_str) == Some(value)
    };
    let readable = String::from_utf8_lossy(&body);
    if answer::is_unknown_tenant(&body) {
        let kind = said.as_ref().and_then(|said| said.get("type"));
        assert_eq!(kind, Some(&json!("tag:sea-orm-tenant,2026:unknown-tenant")));
    }
    match answer::info(&body, &ACME) {
        Ok(info) => {
            assert!(says("id", ACME.as_str()), "{readable}");
            assert!(says("status", info.status.as_str()), "{readable}");
        }
        Err(error) => assert_discreet(&error),
    }
    match answer::connection(&body, &ACME) {
        Ok(place) => {
            assert!(says("tenant", ACME.as_str()), "{readable}");
            assert!(says("schema", place.schema().as_str()), "{readable}");
            assert!(!format!("{place:?}").contains(PASSWORD));
        }
        Err(error) => assert_discreet(&error),
    }
    if let Err(error) = answer::page(&body) {
        assert_discreet(&error);
    }
    Ok(())
}

fn assert_discreet(error: &TenantError) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains(PASSWORD), "{text}");
    assert!(text.len() < 2_000, "{text}");
}

/// A document like those of the service, with members that are missing, strange and hostile, cut or
/// with other bytes in it; or just bytes.
fn body(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if input.ratio(1, 8)? {
        return Ok(input.bytes(input.len())?.to_vec());
    }
    const KEYS: [&str; 12] = [
        "id",
        "tenant",
        "name",
        "status",
        "plan",
        "metadata",
        "created_at",
        "url",
        "schema",
        "placement",
        "next",
        "type",
    ];
    let mut document = match input.ratio(3, 4)? {
        true => json!({
            "id": "acme", "tenant": "acme", "name": "Acme", "status": "active",
            "url": format!("postgres://app:{PASSWORD}@db/app"), "schema": "tenant_acme",
            "placement": "shared",
        }),
        false => json!({}),
    };
    for _ in 0..input.int_in_range(0..=4)? {
        document[*input.choose(&KEYS)?] = value(input, 0)?;
    }
    if input.ratio(1, 4)? {
        document = json!({ "tenants": [document], "next": value(input, 0)? });
    }
    let mut body = serde_json::to_vec(&document).unwrap_or_default();
    for _ in 0..input.int_in_range(0..=2)? {
        let at = input.choose_index(body.len())?;
        match input.ratio(1, 2)? {
            true => body[at] = input.arbitrary()?,
            false => body.truncate(at.max(1)),
        }
    }
    Ok(body)
}

fn value(input: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    const PIECES: [&str; 24] = [
        "acme",
        "Acme",
        "ACME",
        "а",
        "active",
        "suspended",
        "shared",
        "dedicated",
        "tenant_acme",
        "public",
        "pg_catalog",
        "main",
        "$tenant",
        "postgres://",
        "mysql://",
        "sqlite://",
        "app:hunter2@",
        "db/app",
        "?",
        "%00",
        "\0",
        "'",
        "2026-01-01T00:00:00Z",
        "tag:sea-orm-tenant,2026:unknown-tenant",
    ];
    Ok(match input.int_in_range(0..=7)? {
        0 => Value::Null,
        1 => json!(input.arbitrary::<i64>()?),
        2 => json!(input.arbitrary::<bool>()?),
        3 if depth < 3 => json!([value(input, depth + 1)?]),
        4 if depth < 3 => json!({ "type": value(input, depth + 1)? }),
        5 => Value::String(text(input, &PIECES)?),
        _ => {
            let pieces = input.int_in_range(0..=4)?;
            let pieces = (0..pieces).map(|_| Ok(*input.choose(&PIECES)?));
            Value::String(pieces.collect::<Result<String>>()?)
        }
    })
}

/// News of something that may not be the tenant service: it is read alike in whatever pieces it
/// comes, and never held without a bound.
pub fn events(input: &mut Unstructured<'_>) -> Result<()> {
    const PIECES: [&str; 18] = [
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        "data",
        "data: ",
        "event: change",
        "event: reset",
        "id: 7",
        "id",
        ":",
        " ",
        "\0",
        "\u{feff}",
        "ü",
        "retry: 1",
        "{\"tenant\":\"acme\"}",
        "{\"tenant\":",
    ];
    let cut = input.int_in_range(1..=64)?;
    let mut stream = text(input, &PIECES)?.into_bytes();
    if stream.len() > 3 && cut % 3 == 0 {
        // No UTF-8.
        stream[cut % 3] = 0xff;
    }
    let read = |chunks: &mut dyn Iterator<Item = &[u8]>| {
        let mut parser = Parser::new();
        let mut events = Vec::new();
        for chunk in chunks {
            if parser.push(chunk, |event| events.push(event)).is_err() {
                return (events, false);
            }
        }
        (events, true)
    };
    let whole = read(&mut std::iter::once(stream.as_slice()));
    assert_eq!(whole, read(&mut stream.chunks(cut)));
    // All ways to end a line are one.
    let unix: Vec<_> = stream
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte != b'\n' || *at == 0 || stream[at - 1] != b'\r')
        .map(|(_, byte)| if *byte == b'\r' { b'\n' } else { *byte })
        .collect();
    assert_eq!(whole, read(&mut std::iter::once(unix.as_slice())));
    for event in &whole.0 {
        if let Some(tenant) = answer::changed(&event.data) {
            let said = serde_json::from_str::<Value>(&event.data);
            assert!(said.is_ok_and(|said| said["tenant"] == tenant.as_str()));
        }
    }
    Ok(())
}
