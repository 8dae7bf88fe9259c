//! The last handle may be dropped anywhere.

use std::thread;

use sea_orm_tenant::{Tenancy, TenantConnection};
use tokio::runtime::Builder;

use super::super::rows::names;
use crate::support::{World, on_every_database};

on_every_database!(
    the_last_handle_may_be_dropped_outside_of_a_runtime,
    the_last_handle_may_be_dropped_in_another_runtime,
    the_last_handle_may_outlive_its_runtime,
);

async fn open(tenancy: Tenancy, world: &World) -> (Tenancy, TenantConnection) {
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    assert!(names(&acme).await.unwrap().is_empty());
    (tenancy, acme)
}

async fn the_last_handle_may_be_dropped_outside_of_a_runtime(world: &World) {
    let (tenancy, acme) = open(world.tenancy().build().unwrap(), world).await;
    thread::spawn(move || drop(tenancy)).join().unwrap();
    assert!(names(&acme).await.unwrap().is_empty());
    thread::spawn(move || drop(acme)).join().unwrap();
}

async fn the_last_handle_may_be_dropped_in_another_runtime(world: &World) {
    let (tenancy, acme) = open(world.tenancy().build().unwrap(), world).await;
    let other = thread::spawn(move || {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async move { drop((acme, tenancy)) });
    });
    other.join().unwrap();
}

async fn the_last_handle_may_outlive_its_runtime(world: &World) {
    let tenancy = world.tenancy().build().unwrap();
    let acme = world.acme.clone();
    let opened = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let acme = runtime.block_on(tenancy.for_tenant(&acme)).unwrap();
        drop(runtime);
        (tenancy, acme)
    });
    let (tenancy, acme) = opened.join().unwrap();
    drop(acme);
    drop(tenancy);
}
