//! Tenants that are archived, dropped, renamed, copied, and begun anew.

use sea_orm::{ConnectionTrait as _, DbBackend, EntityTrait as _, Statement};
use sea_orm_tenant::{
    CachedStore, SchemaName, TenantError, TenantId, TenantInfo, TenantRegistry as _, TenantStatus,
    TenantStore as _,
    migration::{
        Fleet, MigrationError, Migrations, Outcome, Provision, ProvisionStep, Provisioned,
        Selection, Take,
    },
};

use super::library::{First, Yard, genre};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    an_archived_tenant_keeps_its_data_and_frees_its_name,
    what_was_never_served_is_not_archived,
    an_entry_that_is_in_use_is_not_taken_back,
    what_is_being_made_is_not_removed_under_its_maker,
    what_is_dropped_is_archived_and_confirmed,
    a_renamed_tenant_has_its_rows,
    caches_hear_of_a_rename,
    a_copy_has_the_structure_or_all,
    a_copy_of_what_has_drifted_is_refused,
    fresh_is_for_development,
    one_that_fails_or_panics_stops_nobody_from_being_fresh,
);

async fn add(yard: &Yard<'_>, name: &str, title: &str) {
    let db = yard.db(name).await;
    let insert = match yard.world.server.backend() {
        DbBackend::Postgres => "INSERT INTO $tenant.item (kind_id, title) VALUES (1, $1)",
        _ => "INSERT INTO $tenant.item (kind_id, title) VALUES (1, ?)",
    };
    let insert = Statement::from_sql_and_values(db.get_database_backend(), insert, [title.into()]);
    db.execute_raw(insert).await.unwrap();
}

async fn titles(yard: &Yard<'_>, name: &str) -> Vec<String> {
    let db = yard.db(name).await;
    let select = "SELECT title FROM $tenant.item ORDER BY id";
    let select = Statement::from_string(db.get_database_backend(), select);
    let rows = db.query_all_raw(select).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

async fn an_archived_tenant_keeps_its_data_and_frees_its_name(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["old"]).await;
    add(&yard, "old", "Kept").await;
    let fleet = yard.fleet::<4>();
    let place = fleet.archive(&yard.id("old")).await.unwrap();
    assert_eq!(yard.is_there("old").await, (true, false));
    let again = fleet.archive(&yard.id("old")).await.unwrap();
    assert_eq!(again, place, "done before");
    let info = yard.store.tenant(&yard.id("old")).await.unwrap();
    assert_eq!(info.status, TenantStatus::Archived);
    // The data is there, under another name.
    let name = match place.url().file() {
        Some(file) => file.file_stem().unwrap().to_string_lossy().into_owned(),
        None => place.schema().to_string(),
    };
    assert!(
        name.starts_with("archived_")
            && name.ends_with(SchemaName::for_tenant(&yard.id("old")).as_str()),
        "{name}"
    );
    let db = world.tenancy.dedicated_connection_to(&place).await.unwrap();
    let select = Statement::from_string(world.server.backend(), "SELECT title FROM item");
    let row = db.query_one_raw(select).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "Kept");
    db.close().await.unwrap();
    // Whoever comes back has to be told apart.
    yard.store.forget(&yard.id("old")).await.unwrap();
    yard.make::<4>(&["old"]).await;
    assert!(titles(&yard, "old").await.is_empty());
    drop_database(&yard, &place).await;
}

/// What the world does not know of.
async fn drop_database(yard: &Yard<'_>, place: &sea_orm_tenant::ConnectionInfo) {
    if yard.world.server.backend() == DbBackend::MySql {
        let shared = yard.world.tenancy.shared().await.unwrap();
        let drop = format!("DROP DATABASE {}", place.schema().quoted(DbBackend::MySql));
        shared.execute_unprepared(&drop).await.unwrap();
    }
}

/// What a tenant of that name left, whose entry is gone, is not the new one's.
async fn what_was_never_served_is_not_archived(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["old"]).await;
    let place = yard.fleet::<4>().archive(&yard.id("old")).await.unwrap();
    yard.store.forget(&yard.id("old")).await.unwrap();
    let pending = TenantInfo::active(yard.id("old")).with_status(TenantStatus::Pending);
    yard.store
        .register(pending, yard.place("old"))
        .await
        .unwrap();
    let id = yard.id("old");
    let fleet = yard.fleet::<4>();
    let error = fleet.archive(&id).await.unwrap_err();
    assert!(
        matches!(error, MigrationError::WrongStatus { .. }),
        "{error}"
    );
    fleet.drop_tenant(&id, id.as_str()).await.unwrap();
    assert_eq!(yard.is_there("old").await, (false, false));
    // Still there.
    let db = world.tenancy.dedicated_connection_to(&place).await.unwrap();
    let select = Statement::from_string(world.server.backend(), "SELECT id FROM kind");
    assert_eq!(db.query_all_raw(select).await.unwrap().len(), 2);
    db.close().await.unwrap();
    drop_database(&yard, &place).await;
}

/// Entered by one program, and made by another that is done sooner.
async fn an_entry_that_is_in_use_is_not_taken_back(world: &World) {
    let yard = Yard::new(world);
    let made = std::sync::Arc::new(std::sync::Mutex::new(None));
    let (fleet, other, noted) = (yard.fleet::<4>(), yard.provision("new"), made.clone());
    // While the first is about to make the schema, the second makes it.
    let provision = yard.provision("new").hook(move |event| {
        let (fleet, other, noted) = (fleet.clone(), other.clone(), noted.clone());
        Box::pin(async move {
            if event.step == ProvisionStep::Register && event.is_done {
                *noted.lock().unwrap() = Some(fleet.provision(&other).await?);
                return Err("and then it fails".into());
            }
            Ok(())
        })
    });
    let error = yard.fleet::<4>().provision(&provision).await.unwrap_err();
    assert_eq!(error.to_string(), "the hook failed: and then it fails");
    assert_eq!(*made.lock().unwrap(), Some(Provisioned::Made));
    let info = yard.store.tenant(&yard.id("new")).await.unwrap();
    assert_eq!(info.status, TenantStatus::Active);
    assert!(titles(&yard, "new").await.is_empty());
}

async fn what_is_being_made_is_not_removed_under_its_maker(world: &World) {
    let yard = Yard::new(world);
    let id = yard.id("new");
    let told = std::sync::Arc::new(std::sync::Mutex::new(None));
    let impatient = yard.builder::<First<4>>().max_attempts(1);
    let impatient = impatient.lock_timeout(std::time::Duration::from_millis(50));
    let (fleet, noted) = (impatient.build().unwrap(), told.clone());
    let provision = yard.provision("new").hook(move |event| {
        let (fleet, noted, id) = (fleet.clone(), noted.clone(), id.clone());
        Box::pin(async move {
            if event.step == ProvisionStep::Seed && !event.is_done {
                let dropped = fleet.drop_tenant(&id, id.as_str()).await;
                *noted.lock().unwrap() = Some(dropped.unwrap_err());
            }
            Ok(())
        })
    });
    let archived = yard.fleet::<4>().provision(&provision).await.unwrap_err();
    assert!(
        matches!(
            archived,
            MigrationError::Tenant(TenantError::IllegalStatusChange { .. })
        ),
        "{archived}"
    );
    let told = told.lock().unwrap().take().unwrap();
    assert!(matches!(told, MigrationError::Locked { .. }), "{told}");
    // What was made is nobody's, and not forgotten.
    let id = yard.id("new");
    assert_eq!(yard.is_there("new").await, (true, true));
    let fleet = yard.fleet::<4>();
    fleet.drop_tenant(&id, id.as_str()).await.unwrap();
    assert_eq!(yard.is_there("new").await, (false, false));
}

async fn what_is_dropped_is_archived_and_confirmed(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["old", "other"]).await;
    add(&yard, "other", "Stays").await;
    let fleet = yard.fleet::<4>();
    let id = yard.id("old");
    let error = fleet.drop_tenant(&id, "yes").await.unwrap_err();
    assert!(
        matches!(error, MigrationError::Unconfirmed { .. }),
        "{error}"
    );
    let error = fleet.drop_tenant(&id, id.as_str()).await.unwrap_err();
    assert!(
        matches!(error, MigrationError::WrongStatus { .. }),
        "{error}"
    );
    assert_eq!(yard.is_there("old").await, (true, true));
    let place = fleet.archive(&id).await.unwrap();
    fleet.drop_tenant(&id, id.as_str()).await.unwrap();
    assert_eq!(yard.is_there("old").await, (false, false));
    if let Some(file) = place.url().file() {
        assert!(!file.exists());
    }
    assert_eq!(titles(&yard, "other").await, ["Stays"]);
    let error = fleet.drop_tenant(&id, id.as_str()).await.unwrap_err();
    assert!(
        matches!(
            error,
            MigrationError::Tenant(TenantError::UnknownTenant { .. })
        ),
        "{error}"
    );
}

async fn a_renamed_tenant_has_its_rows(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["before", "taken"]).await;
    add(&yard, "before", "Kept").await;
    let (before, after) = (yard.id("before"), yard.id("after"));
    // So that the world removes it.
    yard.place("after");
    let fleet = yard.fleet::<4>();
    let error = fleet.rename(&before, &yard.id("taken")).await.unwrap_err();
    assert!(
        matches!(
            error,
            MigrationError::Tenant(TenantError::TenantExists { .. })
        ),
        "{error}"
    );
    assert_eq!(titles(&yard, "before").await, ["Kept"]);
    // Nor does one whose schema is not there now lose its entry.
    yard.store
        .add(yard.id("elsewhere"), &world.database)
        .unwrap();
    for to in ["taken", "elsewhere"] {
        let error = fleet
            .rename(&yard.id("elsewhere"), &yard.id(to))
            .await
            .unwrap_err();
        assert!(
            matches!(
                error,
                MigrationError::Tenant(TenantError::TenantExists { .. })
            ),
            "{error}"
        );
    }
    let info = yard.store.tenant(&yard.id("elsewhere")).await.unwrap();
    assert_eq!(info.status, TenantStatus::Active, "as it was");
    fleet.rename(&before, &after).await.unwrap();
    fleet.rename(&before, &after).await.unwrap();
    assert_eq!(yard.is_there("before").await, (false, false));
    assert_eq!(titles(&yard, "after").await, ["Kept"]);
    // Whose own schema is gone, takes over nobody else's.
    yard.make::<4>(&["left"]).await;
    yard.store.remove(&yard.id("left"));
    yard.store.add(yard.id("empty"), &world.database).unwrap();
    let error = fleet
        .rename(&yard.id("empty"), &yard.id("left"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            MigrationError::Tenant(TenantError::MissingSchema { .. })
        ),
        "{error}"
    );
    assert_eq!(yard.is_there("left").await, (false, true));
    let info = yard.store.tenant(&yard.id("empty")).await.unwrap();
    assert_eq!(info.status, TenantStatus::Active, "as it was");
    // A name that is free, and a schema that is not.
    yard.store.remove(&yard.id("taken"));
    let error = fleet.rename(&after, &yard.id("taken")).await.unwrap_err();
    assert!(
        matches!(error, MigrationError::SchemaOccupied { .. }),
        "{error}"
    );
    assert_eq!(
        yard.store.tenant(&after).await.unwrap().status,
        TenantStatus::Active,
        "as it was"
    );
}

async fn caches_hear_of_a_rename(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["before"]).await;
    add(&yard, "before", "Kept").await;
    let (before, after) = (yard.id("before"), yard.id("after"));
    yard.place("after");
    let store = CachedStore::new(yard.store.clone());
    let tenancy = world.tenancy().store(store.clone()).build().unwrap();
    tenancy.for_tenant(&before).await.unwrap();
    tenancy.for_tenant(&after).await.unwrap_err();
    let migrations = Migrations::of::<First<4>>().unwrap();
    let fleet = Fleet::builder(store.clone(), migrations)
        .max_attempts(2)
        .build()
        .unwrap();
    if world.server == Server::Sqlite {
        // Who has the file open would go on writing to it.
        let error = fleet.rename(&before, &after).await.unwrap_err();
        assert!(matches!(error, MigrationError::Locked { .. }), "{error}");
        // All schemas are called alike there.
        let file = yard.place("before").url().file().unwrap();
        let named = error.to_string().contains(file.to_str().unwrap());
        assert!(named, "{error}");
        tenancy.for_tenant(&before).await.unwrap();
        tenancy.close().await;
    }
    fleet.rename(&before, &after).await.unwrap();
    let tenancy = world.tenancy().store(store).build().unwrap();
    let gone = tenancy.for_tenant(&before).await.unwrap_err();
    assert!(matches!(gone, TenantError::UnknownTenant { .. }), "{gone}");
    let db = tenancy.for_tenant(&after).await.unwrap();
    assert_eq!(genre::Entity::find().all(&db).await.unwrap().len(), 2);
    tenancy.close().await;
}

fn to(yard: &Yard<'_>, name: &str) -> Provision {
    yard.provision(name)
}

async fn a_copy_has_the_structure_or_all(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["original"]).await;
    add(&yard, "original", "One").await;
    add(&yard, "original", "Two").await;
    let db = yard.db("original").await;
    db.execute_unprepared("DELETE FROM $tenant.kind WHERE id = 2")
        .await
        .unwrap();
    let fleet = yard.fleet::<4>();
    let original = yard.id("original");
    let made = fleet
        .copy_tenant(&original, &to(&yard, "empty"), Take::Structure)
        .await
        .unwrap();
    assert_eq!(made, Provisioned::Made);
    assert!(titles(&yard, "empty").await.is_empty());
    fleet
        .copy_tenant(&original, &to(&yard, "full"), Take::StructureAndData)
        .await
        .unwrap();
    assert_eq!(titles(&yard, "full").await, ["One", "Two"]);
    let db = yard.db("full").await;
    let kinds = genre::Entity::find().all(&db).await.unwrap();
    assert_eq!(kinds.len(), 1, "as the original has it");
    // Each has its own from here on, and ids go on where they were.
    add(&yard, "full", "Three").await;
    assert_eq!(titles(&yard, "full").await, ["One", "Two", "Three"]);
    assert_eq!(titles(&yard, "original").await, ["One", "Two"]);
    let status = fleet.status(&Selection::All).await.unwrap();
    assert!(
        status
            .iter()
            .all(|tenant| tenant.version.to_string() == "up to date")
    );
    assert_eq!(
        yard.store.tenant(&yard.id("full")).await.unwrap().status,
        TenantStatus::Active
    );
}

async fn a_copy_of_what_has_drifted_is_refused(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["behind"]).await;
    yard.make::<4>(&["drifted"]).await;
    let db = yard.db("drifted").await;
    db.execute_unprepared("ALTER TABLE $tenant.item ADD COLUMN extra integer")
        .await
        .unwrap();
    let fleet = yard.fleet::<4>();
    let take = Take::StructureAndData;
    let error = fleet
        .copy_tenant(&yard.id("behind"), &to(&yard, "new"), take)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("behind by m4_due"), "{error}");
    let error = fleet
        .copy_tenant(&yard.id("drifted"), &to(&yard, "new"), take)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("extra"), "{error}");
    assert_eq!(yard.is_there("new").await, (false, false));
}

async fn one_that_fails_or_panics_stops_nobody_from_being_fresh(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["a", "broken", "panics", "z"]).await;
    let fleet = yard
        .builder::<First<5>>()
        .development(true)
        .build()
        .unwrap();
    let report = fleet.fresh(&Selection::All).await.unwrap();
    let words: Vec<&str> = report
        .tenants
        .iter()
        .map(|tenant| tenant.outcome.word())
        .collect();
    let done = Outcome::Migrated(5).word();
    assert_eq!(words, [done, "failed", "failed", done], "{report:?}");
}

async fn fresh_is_for_development(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["a", "b"]).await;
    add(&yard, "a", "Lost").await;
    let error = yard.fleet::<4>().fresh(&Selection::All).await.unwrap_err();
    assert!(matches!(error, MigrationError::Production), "{error}");
    assert_eq!(titles(&yard, "a").await, ["Lost"]);
    let fleet = yard
        .builder::<First<4>>()
        .development(true)
        .build()
        .unwrap();
    let only_a = Selection::Ids([yard.id("a")].into());
    let report = fleet.fresh(&only_a).await.unwrap();
    assert!(
        matches!(report.tenants[0].outcome, Outcome::Migrated(4)),
        "{report:?}"
    );
    assert!(titles(&yard, "a").await.is_empty());
    let status = fleet.status(&Selection::All).await.unwrap();
    let versions: Vec<String> = status
        .iter()
        .map(|tenant| tenant.version.to_string())
        .collect();
    assert_eq!(versions, ["up to date", "behind by m4_due"]);
    let _: &TenantId = &status[0].tenant;
}

/// Its views cannot be moved, so it stays in service.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_archived_is_served_on() {
    World::run(Server::MySql, async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["one"]).await;
        let db = yard.db("one").await;
        db.execute_unprepared("CREATE VIEW $tenant.titles AS SELECT title FROM $tenant.item")
            .await
            .unwrap();
        let (fleet, one) = (yard.fleet::<4>(), yard.id("one"));
        let refused = [
            fleet.archive(&one).await.unwrap_err(),
            fleet.rename(&one, &yard.id("two")).await.unwrap_err(),
        ];
        for error in refused {
            assert!(
                matches!(
                    error,
                    MigrationError::Tenant(TenantError::Unsupported { .. })
                ),
                "{error}"
            );
        }
        let info = yard.store.tenant(&one).await.unwrap();
        assert_eq!(info.status, TenantStatus::Active);
        assert!(yard.store.tenant(&yard.id("two")).await.is_err());
    })
    .await;
}

/// Killed between its file's new name and its old one; and with a directory that is gone.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_two_names_is_one_that_was_moved() {
    World::run(Server::Sqlite, async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["before"]).await;
        add(&yard, "before", "Kept").await;
        let (before, after) = (yard.id("before"), yard.id("after"));
        let file = |name: &str| yard.place(name).url().file().unwrap();
        yard.store
            .change_status(&before, TenantStatus::Maintenance)
            .await
            .unwrap();
        // Where the new name is not entered, and where it is.
        std::fs::hard_link(file("before"), file("between")).unwrap();
        let fleet = yard.fleet::<4>();
        let between = yard.id("between");
        fleet.rename(&before, &between).await.unwrap();
        assert!(!file("before").exists());
        let mut reserved = TenantInfo::clone(&*yard.store.tenant(&between).await.unwrap());
        reserved.id = after.clone();
        yard.store
            .change_status(&between, TenantStatus::Maintenance)
            .await
            .unwrap();
        yard.store
            .register(reserved, yard.place("after"))
            .await
            .unwrap();
        std::fs::hard_link(file("between"), file("after")).unwrap();
        fleet.rename(&between, &after).await.unwrap();
        assert!(!file("between").exists());
        assert_eq!(titles(&yard, "after").await, ["Kept"]);
        // Archived so, and then dropped.
        let place = fleet.archive(&after).await.unwrap();
        yard.store
            .change_place(&after, yard.place("after"))
            .await
            .unwrap();
        std::fs::hard_link(place.url().file().unwrap(), file("after")).unwrap();
        let again = fleet.archive(&after).await.unwrap();
        assert_eq!(again, place);
        assert!(!file("after").exists());
        fleet.drop_tenant(&after, after.as_str()).await.unwrap();
        assert!(!place.url().file().unwrap().exists());

        let gone = TenantId::from_static("gone");
        let directory = world.path().join("no-such-directory");
        let url = sea_orm_tenant::DatabaseUrl::sqlite(&directory).unwrap();
        let place = sea_orm_tenant::ConnectionInfo::shared(&url, &gone);
        let info = TenantInfo::active(gone.clone());
        yard.store.register(info, place).await.unwrap();
        yard.store
            .change_status(&gone, TenantStatus::Archived)
            .await
            .unwrap();
        fleet.drop_tenant(&gone, "gone").await.unwrap();
        assert!(yard.store.tenant(&gone).await.is_err());
    })
    .await;
}

/// More than are dropped at once, some of them in ways of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_partitions_and_foreign_tables_are_dropped() {
    World::run(Server::Postgres, async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["one"]).await;
        let db = yard.db("one").await;
        let locks = "SELECT current_setting('max_locks_per_transaction')::integer \
             * current_setting('max_connections')::integer";
        let locks = Statement::from_string(DbBackend::Postgres, locks);
        let shared = world.tenancy.shared().await.unwrap();
        let row = shared.query_one_raw(locks).await.unwrap().unwrap();
        let partitions = row.try_get_by_index::<i32>(0).unwrap() / 16 + 50;
        for statement in [
            "CREATE FOREIGN DATA WRAPPER nothing",
            "CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing",
        ] {
            shared.execute_unprepared(statement).await.unwrap();
        }
        for statement in [
            "CREATE FOREIGN TABLE $tenant.a_foreign (id integer) SERVER nowhere",
            "CREATE TABLE $tenant.parent (id integer) PARTITION BY LIST (id)",
        ] {
            db.execute_unprepared(statement).await.unwrap();
        }
        for number in 0..partitions {
            let partition = format!(
                "CREATE TABLE $tenant.part_{number} PARTITION OF $tenant.parent FOR VALUES IN ({number})"
            );
            db.execute_unprepared(&partition).await.unwrap();
        }
        let (fleet, one) = (yard.fleet::<4>(), yard.id("one"));
        fleet.archive(&one).await.unwrap();
        fleet.drop_tenant(&one, one.as_str()).await.unwrap();
        assert_eq!(yard.is_there("one").await, (false, false));
        let left = "SELECT 1 FROM pg_catalog.pg_class WHERE relname IN ('parent', 'a_foreign')";
        let left = Statement::from_string(DbBackend::Postgres, left);
        assert!(shared.query_one_raw(left).await.unwrap().is_none());
    })
    .await;
}
