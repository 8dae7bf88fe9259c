//! Making tenants.

use std::sync::{Arc, Mutex};

use sea_orm::{ActiveValue::Set, ConnectionTrait as _, EntityTrait as _, QueryOrder as _};
use sea_orm_tenant::{
    TenantInfo, TenantRegistry as _, TenantStatus, TenantStore as _,
    migration::{MigrationError, Provision, ProvisionStep, Provisioned, Selection},
};

use super::library::{First, Yard, genre};
use crate::support::{World, on_every_database};

on_every_database!(
    a_tenant_is_made_with_its_tables_and_rows,
    what_is_there_is_left_as_it_is,
    a_failure_leaves_nothing,
    a_seed_that_panics_leaves_nothing,
    a_hook_is_told_of_each_step_and_may_stop_it,
    what_was_begun_is_completed,
    a_schema_of_somebody_else_is_not_taken,
    two_at_once_make_one_tenant,
);

async fn labels(yard: &Yard<'_>, name: &str) -> Vec<String> {
    let db = yard.db(name).await;
    let rows = genre::Entity::find()
        .order_by_asc(genre::Column::Id)
        .all(&db)
        .await;
    rows.unwrap().into_iter().map(|row| row.label).collect()
}

fn with_seed(provision: Provision) -> Provision {
    provision.seed(|db| {
        Box::pin(async move {
            let row = genre::ActiveModel {
                id: Set(3),
                label: Set("Of the seed".to_owned()),
            };
            genre::Entity::insert(row).exec(db).await?;
            Ok(())
        })
    })
}

async fn a_tenant_is_made_with_its_tables_and_rows(world: &World) {
    let yard = Yard::new(world);
    let fleet = yard.fleet::<4>();
    let made = fleet
        .provision(&with_seed(yard.provision("new")))
        .await
        .unwrap();
    assert_eq!(made, Provisioned::Made);
    assert_eq!(
        labels(&yard, "new").await,
        ["Novel", "Journey", "Of the seed"]
    );
    let db = yard.db("new").await;
    db.execute_unprepared("INSERT INTO $tenant.item (kind_id, title) VALUES (1, 'x')")
        .await
        .unwrap();
    let status = fleet.status(&Selection::All).await.unwrap();
    assert_eq!(status[0].version.to_string(), "up to date");
    assert_eq!(
        yard.store.tenant(&yard.id("new")).await.unwrap().status,
        TenantStatus::Active
    );
}

async fn what_is_there_is_left_as_it_is(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["old"]).await;
    let db = yard.db("old").await;
    genre::Entity::delete_many().exec(&db).await.unwrap();
    let again = yard
        .fleet::<4>()
        .provision(&with_seed(yard.provision("old")))
        .await;
    assert_eq!(again.unwrap(), Provisioned::AlreadyThere);
    assert!(labels(&yard, "old").await.is_empty(), "no seed");
    let status = yard.fleet::<4>().status(&Selection::All).await.unwrap();
    assert_eq!(status[0].version.to_string(), "behind by m4_due");
}

async fn a_failure_leaves_nothing(world: &World) {
    let yard = Yard::new(world);
    let error = yard
        .fleet::<5>()
        .provision(&yard.provision("broken"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, MigrationError::Migration { ref migration, .. } if &**migration == "m5_sometimes"),
        "{error}"
    );
    assert_eq!(yard.is_there("broken").await, (false, false));
    let seed = yard
        .provision("new")
        .seed(|_| Box::pin(async { Err("no".into()) }));
    let error = yard.fleet::<4>().provision(&seed).await.unwrap_err();
    assert_eq!(error.to_string(), "the seed failed: no");
    assert_eq!(yard.is_there("new").await, (false, false));
    let made = yard
        .fleet::<4>()
        .provision(&yard.provision("new"))
        .await
        .unwrap();
    assert_eq!(made, Provisioned::Made);
}

async fn a_seed_that_panics_leaves_nothing(world: &World) {
    let yard = Yard::new(world);
    let seed = yard
        .provision("new")
        .seed(|_| Box::pin(async { panic!("the seed") }));
    let error = yard.fleet::<4>().provision(&seed).await.unwrap_err();
    assert_eq!(error.to_string(), "it panicked: the seed");
    // MySQL's is found to be incomplete the next time.
    let made = yard
        .fleet::<4>()
        .provision(&yard.provision("new"))
        .await
        .unwrap();
    assert_eq!(made, Provisioned::Made);
    assert_eq!(labels(&yard, "new").await, ["Novel", "Journey"]);
}

async fn a_hook_is_told_of_each_step_and_may_stop_it(world: &World) {
    let yard = Yard::new(world);
    let told = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&told);
    let hook = yard.provision("new").hook(move |event| {
        noted.lock().unwrap().push((event.step, event.is_done));
        Box::pin(async { Ok(()) })
    });
    yard.fleet::<2>().provision(&hook).await.unwrap();
    let steps = [
        ProvisionStep::Register,
        ProvisionStep::CreateSchema,
        ProvisionStep::Migrate,
        ProvisionStep::Seed,
        ProvisionStep::Activate,
    ];
    let expected: Vec<_> = steps
        .into_iter()
        .flat_map(|step| [(step, false), (step, true)])
        .collect();
    assert_eq!(*told.lock().unwrap(), expected);

    for step in [
        ProvisionStep::CreateSchema,
        ProvisionStep::Migrate,
        ProvisionStep::Seed,
    ] {
        for is_done in [false, true] {
            let hook = yard.provision("other").hook(move |event| {
                Box::pin(async move {
                    match (event.step, event.is_done) == (step, is_done) {
                        true => Err("stop".into()),
                        false => Ok(()),
                    }
                })
            });
            let error = yard.fleet::<2>().provision(&hook).await.unwrap_err();
            assert_eq!(error.to_string(), "the hook failed: stop");
            assert_eq!(
                yard.is_there("other").await,
                (false, false),
                "{step:?} {is_done}"
            );
        }
    }
}

/// Cancelled at each of its waits, as a program that is killed there.
async fn what_was_begun_is_completed(world: &World) {
    let yard = Yard::new(world);
    let mut polls = 1;
    loop {
        let provision = with_seed(yard.provision("new"));
        let fleet = yard.fleet::<4>();
        let mut making = Box::pin(fleet.provision(&provision));
        let mut left = polls;
        let made = std::future::poll_fn(|context| {
            if left == 0 {
                return std::task::Poll::Ready(None);
            }
            left -= 1;
            making.as_mut().poll(context).map(Some)
        });
        let was_made = made.await.is_some_and(|made| made.is_ok());
        drop(making);
        // What was cut off may hold its locks for a moment.
        let fleet = yard
            .builder::<First<4>>()
            .lock_timeout(std::time::Duration::from_secs(10));
        let again = fleet.build().unwrap().provision(&provision).await.unwrap();
        assert_eq!(
            was_made,
            again == Provisioned::AlreadyThere,
            "after {polls} polls"
        );
        assert_eq!(
            labels(&yard, "new").await,
            ["Novel", "Journey", "Of the seed"]
        );
        if was_made {
            return;
        }
        remove(&yard, "new").await;
        polls += if polls < 12 { 1 } else { 5 };
    }
}

/// As if it had never been.
async fn remove(yard: &Yard<'_>, name: &str) {
    let db = yard.db(name).await;
    let schema = world_schema(yard, name);
    match yard.world.server {
        crate::support::Server::Postgres => {
            let drop = format!("DROP SCHEMA \"{schema}\" CASCADE");
            db.unscoped_raw().execute_unprepared(&drop).await.unwrap();
        }
        crate::support::Server::MySql => {
            let drop = format!("DROP DATABASE `{schema}`");
            db.unscoped_raw().execute_unprepared(&drop).await.unwrap();
        }
        crate::support::Server::Sqlite => {
            let file = yard.place(name).url().file().unwrap();
            std::fs::remove_file(file).unwrap();
        }
    }
    yard.store.remove(&yard.id(name));
}

fn world_schema(yard: &Yard<'_>, name: &str) -> String {
    yard.place(name).schema().to_string()
}

async fn a_schema_of_somebody_else_is_not_taken(world: &World) {
    let yard = Yard::new(world);
    // Has tables that no migration made.
    let provision = Provision::new(
        TenantInfo::active(world.globex.clone()),
        sea_orm_tenant::ConnectionInfo::shared(&world.database, &world.globex),
    );
    let error = yard.fleet::<4>().provision(&provision).await.unwrap_err();
    assert!(
        matches!(error, MigrationError::SchemaOccupied { .. }),
        "{error}"
    );
    assert!(yard.store.tenant(&world.globex).await.is_err());
    world.globex().await.ping().await.unwrap();
    // Has what migrations made, of a tenant whose entry is lost.
    yard.make::<3>(&["lost"]).await;
    yard.store.remove(&yard.id("lost"));
    let error = yard
        .fleet::<3>()
        .provision(&yard.provision("lost"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, MigrationError::SchemaOccupied { .. }),
        "{error}"
    );
    assert_eq!(yard.is_there("lost").await, (false, true));
    // Nor by an entry that was made by hand.
    let pending = TenantInfo::active(yard.id("lost")).with_status(TenantStatus::Pending);
    let place = yard.place("lost");
    yard.store.register(pending, place).await.unwrap();
    let error = yard
        .fleet::<3>()
        .provision(&yard.provision("lost"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, MigrationError::SchemaOccupied { .. }),
        "{error}"
    );
    let info = yard.store.tenant(&yard.id("lost")).await.unwrap();
    assert_eq!(info.status, TenantStatus::Pending, "as it was");
    // Who takes that entry back takes nothing else.
    let fleet = yard.fleet::<3>();
    let lost = yard.id("lost");
    fleet.drop_tenant(&lost, lost.as_str()).await.unwrap();
    assert_eq!(yard.is_there("lost").await, (false, true));
    // Nor when somebody wrote that it is being made.
    let globex = &world.globex;
    let pending = TenantInfo::active(globex.clone()).with_status(TenantStatus::Pending);
    let place = sea_orm_tenant::ConnectionInfo::shared(&world.database, globex);
    yard.store.register(pending, place).await.unwrap();
    let provisioning = TenantStatus::Provisioning;
    yard.store
        .change_status(globex, provisioning)
        .await
        .unwrap();
    fleet.drop_tenant(globex, globex.as_str()).await.unwrap();
    assert!(yard.store.tenant(globex).await.is_err());
    let still = world.globex().await;
    still
        .execute_unprepared("DELETE FROM $tenant.book WHERE 1 = 0")
        .await
        .unwrap();
    // One that is archived.
    yard.make::<3>(&["old"]).await;
    yard.store
        .change_status(&yard.id("old"), TenantStatus::Archived)
        .await
        .unwrap();
    let error = yard
        .fleet::<3>()
        .provision(&yard.provision("old"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, MigrationError::WrongStatus { .. }),
        "{error}"
    );
}

async fn two_at_once_make_one_tenant(world: &World) {
    let yard = Yard::new(world);
    let provision = with_seed(yard.provision("new"));
    let fleet = yard
        .builder::<First<4>>()
        .lock_timeout(std::time::Duration::from_secs(20))
        .build()
        .unwrap();
    let making = (0..4).map(|_| fleet.provision(&provision));
    let made = futures_util::future::join_all(making).await;
    let made: Vec<_> = made.into_iter().collect();
    assert!(made.iter().any(Result::is_ok), "{made:?}");
    for outcome in &made {
        // SQLite's lock file has no queue.
        assert!(
            matches!(outcome, Ok(_) | Err(MigrationError::Locked { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(
        labels(&yard, "new").await,
        ["Novel", "Journey", "Of the seed"]
    );
}
