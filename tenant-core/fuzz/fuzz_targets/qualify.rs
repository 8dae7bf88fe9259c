//! The rewriter on anything: it never panics, changes nothing but placeholders, is idempotent, and
//! grows no more than the placeholders allow.
//!
//!     cd tenant-core && cargo +nightly fuzz run qualify -- -dict=fuzz/sql.dict -max_total_time=60

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use sea_orm::DbBackend;
use tenant_core::{PLACEHOLDER, QuotedSchema, SchemaName, qualify};

fuzz_target!(|input: (u8, &str)| {
    let (backend, sql) = input;
    let backend = match backend % 3 {
        0 => DbBackend::Postgres,
        1 => DbBackend::MySql,
        _ => DbBackend::Sqlite,
    };
    let schema = QuotedSchema::new(&"acme".parse::<SchemaName>().unwrap(), backend);
    let places = sql.matches(PLACEHOLDER).count();
    let once = qualify(sql, &schema);
    if places == 0 {
        assert!(matches!(once, Cow::Borrowed(same) if same == sql));
    }
    assert!(once.matches(PLACEHOLDER).count() <= places);
    // This schema is shorter than the placeholder in every spelling.
    assert!(once.len() <= sql.len());
    assert_eq!(qualify(&once, &schema), once);
});
