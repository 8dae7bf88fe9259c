use sea_orm::{ConnectionTrait as _, Database};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{DatabaseUrl, TenantStatus};

const ACME: TenantId = TenantId::from_static("acme");
const GLOBEX: TenantId = TenantId::from_static("globex");
const URL: &str = "postgres://app:hunter2@h/app";

async fn store() -> (DatabaseStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("control.sqlite");
    let db = Database::connect(format!("sqlite://{}?mode=rwc", file.display()))
        .await
        .unwrap();
    let store = DatabaseStore::new(db, UrlKeys::generate().unwrap());
    store.migrate().await.unwrap();
    (store, directory)
}

fn new(id: &TenantId) -> NewTenant {
    let connection = ConnectionInfo::shared(&DatabaseUrl::new(URL).unwrap(), id);
    NewTenant::new(TenantInfo::active(id.clone()), connection)
}

async fn set(store: &DatabaseStore, column: &str, id: &TenantId, value: &str) {
    let sql = format!("UPDATE sea_orm_tenant SET {column} = '{value}' WHERE id = '{id}'");
    store.db.execute_unprepared(&sql).await.unwrap();
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    let (store, _directory) = store().await;
    let created = store.create(new(&ACME)).await.unwrap();
    assert_eq!(created.revision.get(), 1);
    assert_eq!(store.record(&ACME).await.unwrap(), created);
    assert_eq!(*store.tenant(&ACME).await.unwrap(), created.info);
    assert_eq!(
        *store.connection(&ACME).await.unwrap(),
        new(&ACME).connection
    );
    let again = store.create(new(&ACME)).await.unwrap_err();
    assert!(matches!(again, TenantError::TenantExists { .. }));
    let unknown = store.record(&GLOBEX).await.unwrap_err();
    assert!(matches!(unknown, TenantError::UnknownTenant { .. }));
    // What failed took no revision.
    assert_eq!(store.revision().await.unwrap(), created.revision);
}

#[tokio::test]
async fn the_status_follows_the_table_cell_by_cell() {
    let (store, _directory) = store().await;
    store.create(new(&ACME)).await.unwrap();
    for from in TenantStatus::ALL {
        for to in TenantStatus::ALL {
            set(&store, "status", &ACME, from.as_str()).await;
            let update = TenantUpdate::default().with_status(to);
            let outcome = store.update(&ACME, update, None).await;
            assert_eq!(outcome.is_ok(), from.may_become(to), "{from} to {to}");
            let now = store.record(&ACME).await.unwrap().info.status;
            assert_eq!(now, if outcome.is_ok() { to } else { from });
        }
        set(&store, "status", &ACME, from.as_str()).await;
        if from != TenantStatus::Archived {
            let refused = store.delete(&ACME, None).await.unwrap_err();
            assert!(matches!(
                refused,
                TenantError::IllegalStatusChange { to: "deleted", .. }
            ));
        }
    }
    store.delete(&ACME, None).await.unwrap();
    let last = store.revision().await.unwrap();
    let reborn = store.create(new(&ACME)).await.unwrap();
    assert!(reborn.revision > last);
}

#[tokio::test]
async fn a_stale_revision_changes_nothing() {
    let (store, _directory) = store().await;
    let first = store.create(new(&ACME)).await.unwrap();
    let named = |name: &str| TenantUpdate::default().with_name(name);
    let second = store
        .update(&ACME, named("one"), Some(first.revision))
        .await
        .unwrap();
    let stale = store
        .update(&ACME, named("two"), Some(first.revision))
        .await;
    assert!(matches!(stale, Err(TenantError::TenantChanged { .. })));
    let stale = store.delete(&ACME, Some(first.revision)).await;
    assert!(matches!(stale, Err(TenantError::TenantChanged { .. })));
    assert_eq!(store.record(&ACME).await.unwrap(), second);
}

#[tokio::test]
async fn bounds_are_told_by_their_field() {
    let (store, _directory) = store().await;
    let refused = async |change: fn(&mut TenantInfo)| {
        let mut tenant = new(&ACME);
        change(&mut tenant.info);
        let error = store.create(tenant).await.unwrap_err();
        assert!(matches!(error, TenantError::EntryRefused { .. }), "{error}");
        error.to_string()
    };
    assert!(refused(|info| info.name.clear()).await.contains("name"));
    assert!(
        refused(|info| info.name = "ä".repeat(201))
            .await
            .contains("200")
    );
    assert!(
        refused(|info| info.plan = Some("p".repeat(101)))
            .await
            .contains("plan")
    );
    let big = refused(|info| {
        info.metadata
            .insert("a".into(), json!("b".repeat(16 * 1024)));
    });
    assert!(big.await.contains("metadata"));
    let begun = refused(|info| info.status = TenantStatus::Suspended);
    assert!(begun.await.contains("pending or active"));
    assert_eq!(store.revision().await.unwrap().get(), 0);
}

#[tokio::test]
async fn two_tenants_are_never_in_one_place() {
    let (store, _directory) = store().await;
    store.create(new(&ACME)).await.unwrap();
    let theirs = NewTenant::new(TenantInfo::active(GLOBEX), new(&ACME).connection);
    let refused = store.create(theirs).await.unwrap_err().to_string();
    assert!(refused.contains("that of tenant acme"), "{refused}");
    store.create(new(&GLOBEX)).await.unwrap();
    let moved = TenantUpdate::default().with_connection(new(&ACME).connection);
    assert!(store.update(&GLOBEX, moved, None).await.is_err());
    let stays = TenantUpdate::default().with_connection(new(&ACME).connection);
    store.update(&ACME, stays, None).await.unwrap();
}

#[tokio::test]
async fn a_sealed_url_opens_in_its_own_row_only() {
    let (store, directory) = store().await;
    store.create(new(&ACME)).await.unwrap();
    store.create(new(&GLOBEX)).await.unwrap();
    let sealed = store.row(&ACME).await.unwrap().url_sealed;
    set(&store, "url_sealed", &GLOBEX, &sealed).await;
    let refused = store.connection(&GLOBEX).await.unwrap_err();
    assert!(matches!(refused, TenantError::InvalidStoreEntry { .. }));
    store.db.clone().close().await.unwrap();
    let file = std::fs::read(directory.path().join("control.sqlite")).unwrap();
    assert!(!String::from_utf8_lossy(&file).contains("hunter2"));
}

#[tokio::test]
async fn keys_are_changed_without_losing_a_url() {
    let (old, _directory) = store().await;
    old.create(new(&ACME)).await.unwrap();
    old.create(new(&GLOBEX)).await.unwrap();
    let text = |keys: &UrlKeys| {
        use secrecy::ExposeSecret as _;
        keys.expose_first_as_base64().expose_secret().to_owned()
    };
    let new_keys = UrlKeys::generate().unwrap();
    let both = UrlKeys::parse(&format!("{}, {}", text(&new_keys), text(&old.keys))).unwrap();
    let both = DatabaseStore::new(old.db.clone(), both);
    assert!(both.connection(&ACME).await.is_ok());
    let before = both.revision().await.unwrap();
    assert_eq!(both.reseal().await.unwrap(), 2);
    assert_eq!(both.reseal().await.unwrap(), 0);
    assert_eq!(both.revision().await.unwrap(), before);
    let only = DatabaseStore::new(old.db.clone(), new_keys);
    assert_eq!(
        *only.connection(&ACME).await.unwrap(),
        new(&ACME).connection
    );
    let lost = old.connection(&ACME).await.unwrap_err().to_string();
    assert!(lost.contains("not among the URL keys"), "{lost}");
}

#[tokio::test]
async fn changes_no_longer_kept_are_told_as_missed() {
    let (mut store, _directory) = store().await;
    store.kept = 3;
    store.create(new(&ACME)).await.unwrap();
    for at in 0..5 {
        let update = TenantUpdate::default().with_name(format!("name {at}"));
        store.update(&ACME, update, None).await.unwrap();
    }
    let latest = Revision::from(6);
    let after = async |at: i64| store.changes_after(at.into(), 10).await.unwrap();
    assert_eq!(after(2).await, Changes::Missed { latest });
    let Changes::Since(changes) = after(3).await else {
        panic!("kept changes are missed");
    };
    let revisions: Vec<_> = changes.iter().map(|change| change.revision.get()).collect();
    assert_eq!(revisions, [4, 5, 6]);
    assert_eq!(after(6).await, Changes::Since(Vec::new()));
    assert_eq!(after(7).await, Changes::Missed { latest });
}

#[tokio::test]
async fn rows_that_make_no_sense_are_refused_without_secrets() {
    for (column, value) in [
        ("status", "sleeping"),
        ("schema", "Robert''; DROP"),
        ("placement", "nowhere"),
        ("metadata", "[]"),
        ("url_sealed", "v1.00000000.AAAA"),
        ("url_sealed", URL),
    ] {
        let (store, _directory) = store().await;
        store.create(new(&ACME)).await.unwrap();
        set(&store, column, &ACME, value).await;
        let outcome = match store.tenant(&ACME).await {
            Ok(_) => store.connection(&ACME).await.map(drop),
            Err(error) => Err(error),
        };
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, TenantError::InvalidStoreEntry { .. }),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn one_row_that_makes_no_sense_hides_no_other() {
    let (store, _directory) = store().await;
    for (id, column, value) in [
        ("a", "id", "A row of nobody"),
        ("b", "status", "sleeping"),
        ("c", "metadata", "[]"),
        ("d", "placement", "nowhere"),
        ("e", "id", "e!"),
        ("f", "name", "F"),
        ("g", "id", "g!"),
    ] {
        let id = id.parse().unwrap();
        store.create(new(&id)).await.unwrap();
        set(&store, column, &id, value).await;
    }
    for limit in 1..=8 {
        let mut query = TenantQuery::default().with_limit(limit);
        let mut seen = Vec::new();
        loop {
            let page = store.list_placed(&query).await.unwrap();
            let listed = store.list(&query).await.unwrap();
            assert_eq!(listed.next, page.next);
            assert_eq!(listed.tenants.len(), page.tenants.len());
            for tenant in page.tenants {
                let (info, place) = (tenant.info.is_ok(), tenant.connection.is_ok());
                seen.push((tenant.id.to_string(), info, place));
            }
            match page.next {
                Some(next) => query = query.with_after(next),
                None => break,
            }
        }
        let seen = seen.iter().map(|(id, info, place)| (&**id, *info, *place));
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [
                ("b", false, true),
                ("c", false, true),
                ("d", true, false),
                ("f", true, true)
            ]
        );
    }
}

#[tokio::test]
async fn no_two_changes_have_the_same_time() {
    let (store, _directory) = store().await;
    let mut last = store.create(new(&ACME)).await.unwrap().info.updated_at;
    for at in 0..20 {
        let update = TenantUpdate::default().with_name(format!("name {at}"));
        let updated = store.update(&ACME, update, None).await.unwrap();
        assert!(updated.info.updated_at > last);
        last = updated.info.updated_at;
    }
}

#[tokio::test]
async fn tables_are_made_once_however_often_asked() {
    let (store, _directory) = store().await;
    let (one, two) = tokio::join!(store.migrate(), store.migrate());
    one.and(two).unwrap();
    store.ping().await.unwrap();
    assert_eq!(store.revision().await.unwrap().get(), 0);
}

#[test]
fn bad_keys_are_refused_without_being_shown() {
    let error = |keys: &str| UrlKeys::parse(keys).unwrap_err().to_string();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert!(UrlKeys::parse(key).is_ok());
    assert!(error("").contains("there is no URL key"));
    assert!(error(" \n").contains("there is no URL key"));
    assert!(error(&format!("{key},")).contains("key 2 is not 32 bytes"));
    assert!(error("c2hvcnQ=").contains("32 bytes"));
    assert!(error(&format!("{key},{key}")).contains("key 2 is there twice"));
    assert!(!error("hunter2hunter2").contains("hunter2"));
    assert!(!format!("{:?}", UrlKeys::parse(key).unwrap()).contains("AAEC"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    #[test]
    fn no_accepted_update_is_lost(steps in proptest::collection::vec(0..2_usize, 1..16)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (store, _directory) = store().await;
            store.create(new(&ACME)).await.unwrap();
            // What each of two writers has read and not yet decided on.
            let mut read = [None, None];
            let mut accepted = serde_json::Map::new();
            for (at, writer) in steps.into_iter().enumerate() {
                let Some(TenantRecord { info, revision }) = read[writer].take() else {
                    read[writer] = Some(store.record(&ACME).await.unwrap());
                    continue;
                };
                let mut metadata = info.metadata;
                metadata.insert("last".to_owned(), json!(at));
                metadata.insert(at.to_string(), json!(writer));
                let update = TenantUpdate::default().with_metadata(metadata.clone());
                match store.update(&ACME, update, Some(revision)).await {
                    Ok(_) => {
                        accepted.insert("last".to_owned(), json!(at));
                        accepted.insert(at.to_string(), json!(writer));
                    }
                    Err(error) => assert!(matches!(error, TenantError::TenantChanged { .. })),
                }
            }
            assert_eq!(store.record(&ACME).await.unwrap().info.metadata, accepted);
        });
    }
}

fn place(json: serde_json::Value) -> TenantUpdate {
    TenantUpdate::default().with_place(serde_json::from_value(json).unwrap())
}

#[tokio::test]
async fn a_place_that_is_said_in_part_keeps_the_rest() {
    let (store, _directory) = store().await;
    store.create(new(&ACME)).await.unwrap();
    let dedicated = place(json!({"url": "postgres://u:old@h/acme", "placement": "dedicated"}));
    store.update(&ACME, dedicated, None).await.unwrap();
    let rotated = place(json!({"url": "postgres://u:new@h/acme"}));
    store.update(&ACME, rotated, None).await.unwrap();
    let now = store.connection(&ACME).await.unwrap();
    assert_eq!(now.url().expose(), "postgres://u:new@h/acme");
    assert_eq!(now.placement(), crate::Placement::Dedicated);
    let refused = store
        .update(&ACME, place(json!({"schema": "s"})), None)
        .await;
    assert!(matches!(refused, Err(TenantError::EntryRefused { .. })));
    // Nor into a neighbour's schema.
    store.create(new(&GLOBEX)).await.unwrap();
    let there = place(json!({"url": URL, "placement": "shared", "schema": "tenant_globex"}));
    let refused = store.update(&ACME, there, None).await;
    assert!(matches!(refused, Err(TenantError::EntryRefused { .. })));
    assert_eq!(store.connection(&ACME).await.unwrap(), now);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_not_the_writers_fault_and_can_be_replaced() {
    let (store, _directory) = store().await;
    store.create(new(&ACME)).await.unwrap();
    set(&store, "url_sealed", &ACME, "v1.00000000.AAAA").await;
    let part = place(json!({"url": URL}));
    let refused = store.update(&ACME, part, None).await;
    assert!(matches!(
        refused,
        Err(TenantError::InvalidStoreEntry { .. })
    ));
    let whole = place(json!({"url": URL, "placement": "shared", "schema": "tenant_acme"}));
    store.update(&ACME, whole, None).await.unwrap();
    assert_eq!(
        *store.connection(&ACME).await.unwrap(),
        new(&ACME).connection
    );
}

/// The URL of a tenant's file, as it is shown, is no directory: also where all else is said with it.
#[tokio::test]
async fn a_place_on_sqlite_may_be_sent_back_as_it_is_shown() {
    let (store, _directory) = store().await;
    store.create(new(&ACME)).await.unwrap();
    let legacy = json!({"url": "sqlite:///tenants", "schema": "legacy", "placement": "shared"});
    store.update(&ACME, place(legacy), None).await.unwrap();
    let shown = store.connection(&ACME).await.unwrap();
    let url = shown.url().expose();
    assert_eq!(url, "sqlite:///tenants/legacy.sqlite");
    let again = json!({"url": url, "schema": "legacy", "placement": "shared"});
    store.update(&ACME, place(again), None).await.unwrap();
    assert_eq!(store.connection(&ACME).await.unwrap(), shown);
}
