//! A role comes with its tenant, follows it, and goes with it.

use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, EntityTrait as _};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::{
    ConnectionInfo, DatabaseRoles, DatabaseUrl, TenantError, TenantInfo, TenantRegistry as _,
    TenantStore as _,
    migration::{
        MigrationError, Migrations, Outcome, Provision, ProvisionStep, Provisioned, Run, Selection,
        Take, VersionGate,
    },
};

use super::{Walled, assert_no_role, on_postgres, owner, roles, user};
use crate::{
    isolation::rows::count,
    migration::{
        library::{First, genre},
        looked_at::until_served,
    },
    support::World,
};

on_postgres!(
    a_role_in_the_way_of_a_rename_is_told,
    what_is_noted_is_granted,
    later_tables_are_the_tenants_too,
    a_role_follows_its_tenant_and_goes_with_it,
    a_copy_has_a_role_of_its_own,
    many_are_made_at_once,
    a_role_of_somebody_else_is_not_taken,
    a_role_whose_name_would_be_cut_off_is_refused_before_anything_is_made,
    a_fleet_without_roles_makes_none,
    a_failure_leaves_no_role,
    a_role_that_was_left_behind_is_not_taken,
    a_login_that_is_no_member_any_more_may_not_take_a_role,
    a_deployer_needs_to_make_roles_and_no_more,
    the_gate_of_versions_reads_under_the_role,
);

/// Whether there is such a role.
async fn exists(world: &World, role: &str) -> bool {
    let owner = owner(world).await;
    let select = format!("SELECT count(*) FROM pg_roles WHERE rolname = '{role}'");
    let found = count(&owner, &select).await.unwrap();
    owner.close().await.unwrap();
    found == 1
}

async fn later_tables_are_the_tenants_too(world: &World) {
    let walled = Walled::new(world).await;
    let early = walled.builder_of::<1>().build().unwrap();
    early
        .provision(&walled.yard.provision("one"))
        .await
        .unwrap();
    walled.enter("one");
    let (schema, owner) = (walled.schema("one"), owner(world).await);
    let define =
        format!("CREATE FUNCTION \"{schema}\".f() RETURNS integer LANGUAGE sql AS 'SELECT 1'");
    owner.execute_unprepared(&define).await.unwrap();
    let report = walled.fleet().up(&Run::of(Selection::All)).await.unwrap();
    assert!(matches!(report.tenants[0].outcome, Outcome::Migrated(3)));
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let insert = "INSERT INTO $tenant.item (kind_id, title, due) VALUES (1, 'x', 3)";
    db.execute_unprepared(insert).await.unwrap();
    // Nobody else's, although functions are everybody's otherwise.
    let roles = [(walled.role("one"), true), (walled.login.clone(), false)];
    for (role, may) in roles {
        let ask = format!(
            "SELECT count(*) FROM pg_proc WHERE pronamespace = '\"{schema}\"'::regnamespace \
             AND has_function_privilege('{role}', oid, 'EXECUTE')"
        );
        assert_eq!(count(&owner, &ask).await.unwrap(), i64::from(may), "{role}");
    }
    owner.close().await.unwrap();
    tenancy.close().await;
}

async fn a_role_follows_its_tenant_and_goes_with_it(world: &World) {
    let walled = Walled::new(world).await;
    let fleet = walled.fleet();
    walled.make(&["one"]).await;
    let (one, two) = (walled.yard.id("one"), walled.yard.id("two"));
    // So that it is removed with the world.
    walled.yard.place("two");
    fleet.rename(&one, &two).await.unwrap();
    assert!(!exists(world, &walled.role("one")).await);
    walled.enter("two");
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "two").await;
    assert_eq!(user(&db).await, walled.role("two"));
    assert_eq!(genre::Entity::find().all(&db).await.unwrap().len(), 2);
    tenancy.close().await;
    // Nobody is served from there, so that nobody has a role.
    fleet.archive(&two).await.unwrap();
    assert!(!exists(world, &walled.role("two")).await);
    fleet.drop_tenant(&two, two.as_str()).await.unwrap();
    // One that is dropped without having been archived.
    let provision = walled.yard.provision("three").hook(|event| {
        Box::pin(async move {
            match event.step {
                ProvisionStep::Activate => Err("stopped".into()),
                _ => Ok(()),
            }
        })
    });
    fleet.provision(&provision).await.unwrap_err();
    assert!(exists(world, &walled.role("three")).await);
    let three = walled.yard.id("three");
    fleet.drop_tenant(&three, three.as_str()).await.unwrap();
    assert!(!exists(world, &walled.role("three")).await);
}

async fn a_copy_has_a_role_of_its_own(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let fleet = walled.fleet();
    let copy = walled.yard.provision("copy");
    let made = fleet
        .copy_tenant(&walled.yard.id("one"), &copy, Take::StructureAndData)
        .await;
    assert_eq!(made.unwrap(), Provisioned::Made);
    walled.enter("copy");
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "copy").await;
    assert_eq!(user(&db).await, walled.role("copy"));
    assert_eq!(genre::Entity::find().all(&db).await.unwrap().len(), 2);
    let theirs = format!("SELECT 1 FROM \"{}\".kind", walled.schema("one"));
    let outcome = db.unscoped_raw().execute_unprepared(&theirs).await;
    super::assert_refused(&theirs, outcome);
    tenancy.close().await;
}

/// They share the role of all tenants, which one of them makes.
async fn many_are_made_at_once(world: &World) {
    let walled = Walled::new(world).await;
    let names: Vec<_> = (0..8).map(|number| format!("t{number}")).collect();
    // A role of all tenants that nobody has made yet.
    let (_, number) = world.acme.as_str().split_once('-').unwrap();
    let roles = DatabaseRoles::new(&format!("n{number}")).unwrap();
    let fleet = walled.builder().database_roles(roles.clone()).build();
    let fleet = fleet.unwrap();
    let provisions: Vec<_> = names
        .iter()
        .map(|name| walled.yard.provision(name))
        .collect();
    let made = join_all(
        provisions
            .iter()
            .map(|provision| fleet.provision(provision)),
    )
    .await;
    for made in made {
        assert_eq!(made.unwrap(), Provisioned::Made);
    }
    for name in &names {
        let role = roles.of_schema(&walled.schema(name).parse().unwrap());
        assert!(exists(world, &role.unwrap()).await);
    }
}

async fn a_role_of_somebody_else_is_not_taken(world: &World) {
    let walled = Walled::new(world).await;
    let role = walled.role("one");
    let owner = owner(world).await;
    for right in ["LOGIN", "SUPERUSER", "CREATEROLE", "BYPASSRLS"] {
        let create = format!("CREATE ROLE \"{role}\" {right}");
        owner.execute_unprepared(&create).await.unwrap();
        let provision = walled.yard.provision("one");
        let refused = walled.fleet().provision(&provision).await.unwrap_err();
        assert!(
            matches!(&refused, MigrationError::RoleOccupied { role: taken } if *taken == role),
            "{refused}"
        );
        assert_eq!(walled.yard.is_there("one").await, (false, false));
        let drop = format!("DROP ROLE \"{role}\"");
        owner.execute_unprepared(&drop).await.unwrap();
    }
    owner.close().await.unwrap();
}

async fn a_role_whose_name_would_be_cut_off_is_refused_before_anything_is_made(world: &World) {
    let walled = Walled::new(world).await;
    // As long as an id may be.
    let name = "x".repeat(56 - walled.yard.id("x").as_str().len() + 1);
    let fleet = walled.fleet();
    let refused = fleet.provision(&walled.yard.provision(&name)).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("more than 63 bytes"), "{refused}");
    // Before anybody is told of a step.
    let told = walled
        .yard
        .provision(&name)
        .hook(|event| Box::pin(async move { panic!("{event:?}") }));
    fleet.provision(&told).await.unwrap_err();
    assert_eq!(walled.yard.is_there(&name).await, (false, false));
    // One that was made without roles is named in the report, and can be archived and dropped.
    walled.yard.make::<4>(&[&name]).await;
    let report = fleet.grant_roles(&Selection::All).await.unwrap();
    assert!(matches!(report.tenants[0].outcome, Outcome::Failed(_)));
    let id = walled.yard.id(&name);
    fleet.archive(&id).await.unwrap();
    fleet.drop_tenant(&id, id.as_str()).await.unwrap();
}

async fn a_fleet_without_roles_makes_none(world: &World) {
    let walled = Walled::new(world).await;
    walled.yard.make::<4>(&["one"]).await;
    assert!(!exists(world, &walled.role("one")).await);
    let fleet = walled.yard.fleet::<4>();
    let refused = fleet.grant_roles(&Selection::All).await.unwrap_err();
    assert!(
        refused.to_string().contains("FleetBuilder::database_roles"),
        "{refused}"
    );
    // Nor one that only knows who may take them, or calls them otherwise than its tenancy.
    let members = walled.yard.builder::<First<4>>().role_members(["app"]);
    members.build().unwrap_err();
    let others = DatabaseRoles::new("others").unwrap();
    let tenancy = walled.tenancy().database_roles(others).build().unwrap();
    walled.builder().tenancy(tenancy).build().unwrap_err();
    // What a tenancy says holds for a fleet that has it.
    let fleet = walled.yard.builder::<First<4>>();
    let tenancy = walled.tenancy().build().unwrap();
    let fleet = fleet.tenancy(tenancy).build().unwrap();
    let report = fleet.grant_roles(&Selection::All).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(exists(world, &walled.role("one")).await);
}

async fn a_failure_leaves_no_role(world: &World) {
    let walled = Walled::new(world).await;
    let failing = walled
        .yard
        .provision("one")
        .seed(|_| Box::pin(async { Err("no".into()) }));
    walled.fleet().provision(&failing).await.unwrap_err();
    assert!(!exists(world, &walled.role("one")).await);
    // In steps, each of which is committed: what is left is removed.
    let citus = walled.builder().citus(true).build().unwrap();
    citus.provision(&failing).await.unwrap_err();
    assert!(!exists(world, &walled.role("one")).await);
    assert_eq!(walled.yard.is_there("one").await, (false, false));
    citus
        .provision(&walled.yard.provision("one"))
        .await
        .unwrap();
    assert!(exists(world, &walled.role("one")).await);
}

/// By a fleet that knew of no roles, and gave the tenant's schema another name.
async fn a_role_that_was_left_behind_is_not_taken(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let one = walled.yard.id("one");
    let forgetful = walled.yard.fleet::<4>();
    forgetful.archive(&one).await.unwrap();
    forgetful.drop_tenant(&one, one.as_str()).await.unwrap();
    // Its rights went with the schema.
    assert!(exists(world, &walled.role("one")).await);
    let provision = walled.yard.provision("one");
    walled.fleet().provision(&provision).await.unwrap();
    forgetful.archive(&one).await.unwrap();
    walled.yard.store.forget(&one).await.unwrap();
    let refused = walled.fleet().provision(&provision).await.unwrap_err();
    assert!(
        matches!(&refused, MigrationError::RoleOccupied { role } if *role == walled.role("one")),
        "{refused}"
    );
    assert_eq!(walled.yard.is_there("one").await, (false, false));
}

async fn a_login_that_is_no_member_any_more_may_not_take_a_role(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    assert_eq!(user(&db).await, walled.role("one"));
    tenancy.close().await;
    let others = walled.yard.builder::<First<4>>().database_roles(roles());
    let report = others.build().unwrap().grant_roles(&Selection::All).await;
    assert!(report.unwrap().is_complete());
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let refused = db.execute_unprepared("SELECT 1 FROM $tenant.kind").await;
    assert_no_role(refused, &walled.role("one"));
    tenancy.close().await;
}

async fn a_deployer_needs_to_make_roles_and_no_more(world: &World) {
    let walled = Walled::new(world).await;
    let login = walled.login.replace("app", "deployer");
    let owner = owner(world).await;
    let database = world.database.expose().rsplit('/').next().unwrap();
    let database = database.split('?').next().unwrap();
    for statement in [
        format!("CREATE ROLE \"{login}\" LOGIN CREATEROLE PASSWORD 'deployer'"),
        format!("GRANT CREATE ON DATABASE \"{database}\" TO \"{login}\""),
    ] {
        owner.execute_unprepared(&statement).await.unwrap();
    }
    owner.close().await.unwrap();
    let mut url = url::Url::parse(world.database.expose()).unwrap();
    url.set_username(&login).unwrap();
    url.set_password(Some("deployer")).unwrap();
    let deployer = DatabaseUrl::new(url.as_str()).unwrap();
    // A group that another login made would be another's to give.
    let (_, number) = world.acme.as_str().split_once('-').unwrap();
    let roles = DatabaseRoles::new(&format!("d{number}")).unwrap();
    let members = [walled.login.as_str(), login.as_str()];
    let fleet = walled.builder().database_roles(roles.clone());
    let fleet = fleet.role_members(members).build().unwrap();
    let place = |name: &str| {
        walled.yard.place(name);
        ConnectionInfo::shared(&deployer, &walled.yard.id(name))
    };
    let (one, two) = (walled.yard.id("one"), walled.yard.id("two"));
    let provision = Provision::new(TenantInfo::active(one.clone()), place("one"));
    fleet.provision(&provision).await.unwrap();
    let report = fleet.grant_roles(&Selection::All).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    fleet.rename(&one, &two).await.unwrap();
    walled.enter("two");
    let tenancy = walled.tenancy().database_roles(roles).build().unwrap();
    let db = walled.db(&tenancy, "two").await;
    assert_eq!(genre::Entity::find().all(&db).await.unwrap().len(), 2);
    tenancy.close().await;
    fleet.archive(&two).await.unwrap();
    fleet.drop_tenant(&two, two.as_str()).await.unwrap();
}

async fn the_gate_of_versions_reads_under_the_role(world: &World) {
    let walled = Walled::new(world).await;
    let early = walled.builder_of::<3>().build().unwrap();
    early
        .provision(&walled.yard.provision("one"))
        .await
        .unwrap();
    walled.enter("one");
    let gate = VersionGate::builder(walled.store.clone(), Migrations::of::<First<4>>().unwrap());
    let gate = gate.configure(|tenancy| tenancy.database_roles(roles()));
    let gate = gate.build().unwrap();
    let one = walled.yard.id("one");
    let behind = gate.tenant(&one).await.unwrap_err();
    assert!(matches!(behind, TenantError::Migrating { .. }), "{behind}");
    let report = walled.fleet().up(&Run::of(Selection::All)).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    until_served(|| gate.tenant(&one)).await;
}

/// Its name is that of a tenant that is to be called so.
async fn a_role_in_the_way_of_a_rename_is_told(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let (one, two) = (walled.yard.id("one"), walled.yard.id("two"));
    walled.yard.place("two");
    let owner = owner(world).await;
    let role = walled.role("two");
    let create = format!("CREATE ROLE \"{role}\"");
    owner.execute_unprepared(&create).await.unwrap();
    let refused = walled.fleet().rename(&one, &two).await.unwrap_err();
    assert!(
        matches!(&refused, MigrationError::RoleOccupied { role: told } if *told == role),
        "{refused}"
    );
    assert_eq!(walled.yard.is_there("one").await, (true, true));
    assert_eq!(walled.yard.is_there("two").await, (false, false));
    let drop = format!("DROP ROLE \"{role}\"");
    owner.execute_unprepared(&drop).await.unwrap();
    owner.close().await.unwrap();
    walled.fleet().rename(&one, &two).await.unwrap();
    assert!(exists(world, &role).await);
}

/// A table, made outside a transaction, and a role that cannot be given rights meanwhile.
struct Outside;

impl MigratorTrait for Outside {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = First::<4>::migrations();
        migrations.push(Box::new(Outside));
        migrations
    }
}

impl MigrationName for Outside {
    fn name(&self) -> &str {
        "m8_outside"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Outside {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.has_table("later").await? {
            return Ok(());
        }
        // Whoever can log in is no tenant's role.
        let occupy =
            "DO 'BEGIN EXECUTE format(''ALTER ROLE %I LOGIN'', ''lib/'' || current_schema()); END'";
        db.execute_unprepared(occupy).await?;
        db.execute_unprepared("CREATE TABLE later (id integer)")
            .await?;
        Ok(())
    }
}

async fn what_is_noted_is_granted(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let fleet = walled.yard.builder::<Outside>();
    let fleet = fleet
        .database_roles(roles())
        .role_members([walled.login.as_str()])
        .build()
        .unwrap();
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(report.counts().failed, 1, "{report:?}");
    let owner = owner(world).await;
    let free = format!("ALTER ROLE \"{}\" NOLOGIN", walled.role("one"));
    owner.execute_unprepared(&free).await.unwrap();
    owner.close().await.unwrap();
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(report.counts().succeeded, 1, "{report:?}");
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    db.execute_unprepared("INSERT INTO $tenant.later VALUES (1)")
        .await
        .unwrap();
    tenancy.close().await;
}
