//! Everything that is done to a fleet can be spawned, and waited for in handlers that are moved from
//! thread to thread.

use std::sync::Arc;

use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, TenantId, TenantInfo,
    migration::{Fleet, Migrations, Provision, Reference, Run, Selection, Take, lint::Lint},
};

use super::library::First;

/// It is claimed by compiling. Nothing is begun by a future that nobody polls.
fn is_sent<T: Send>(_: T) {}

#[test]
fn whatever_is_done_to_a_fleet_can_be_sent() {
    let migrations = Migrations::of::<First<1>>().unwrap();
    let fleet = Fleet::builder(MemoryStore::new(), migrations)
        .build()
        .unwrap();
    let (run, all) = (Run::default(), Selection::All);
    let acme = TenantId::from_static("acme");
    let url = DatabaseUrl::new("postgres://app@localhost/app").unwrap();
    let place = Arc::new(ConnectionInfo::shared(&url, &acme));
    let provision = Provision::new(TenantInfo::active(acme.clone()), (*place).clone());
    is_sent(fleet.tenants(&all));
    is_sent(fleet.status(&all));
    is_sent(fleet.up(&run));
    is_sent(fleet.down(&run));
    is_sent(fleet.plan_up(&all, None));
    is_sent(fleet.plan_down(&all, 1));
    is_sent(fleet.fresh(&all));
    is_sent(fleet.drift(&all, &Reference::Migrations));
    is_sent(fleet.lint(Lint::citus(), &place));
    is_sent(fleet.provision(&provision));
    is_sent(fleet.copy_tenant(&acme, &provision, Take::Structure));
    is_sent(fleet.rename(&acme, &acme));
    is_sent(fleet.archive(&acme));
    is_sent(fleet.drop_tenant(&acme, "acme"));
}
