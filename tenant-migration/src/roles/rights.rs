use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tenant_core::{SchemaName, TenantError};

use super::found::Found;
use crate::{MigrationError, error::conflict, names::quoted};

/// What a tenant's role may do, and who may take it.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    pub(super) role: String,
    /// The role of all tenants.
    pub(super) group: String,
    pub(super) schema: SchemaName,
    /// Logins beside the one that grants.
    pub(super) members: Vec<String>,
    /// The table of migrations, which the tenant may only read.
    pub(super) migrations: String,
}

impl Rights {
    /// Makes the role where it is missing, and gives it what it may do with all that is in the schema
    /// now, and with the tables that the same login makes later.
    ///
    /// Each statement by itself, as Citus wants it.
    pub(crate) async fn grant(&self, db: &impl ConnectionTrait) -> Result<(), MigrationError> {
        let granted = async {
            let found = Found::of_tenant(db, self).await?;
            let mut grants = found.missing(&[&self.group, &self.role]);
            grants.extend(self.memberships(&found));
            grants.extend(self.on_schema(&found));
            run(db, &grants).await?;
            Ok(())
        };
        granted.await.map_err(|error| self.in_the_way(error))
    }

    fn memberships(&self, found: &Found) -> Vec<String> {
        let role = identifier(&self.role);
        let inherits = |inherits: &str| match found.version {
            ..16 => String::new(),
            _ => format!(" WITH INHERIT {inherits}, SET TRUE"),
        };
        let mut grants = vec![format!("GRANT {role} TO CURRENT_USER{}", inherits("TRUE"))];
        if !found.is_member {
            // It keeps others waiting, who give the same to another.
            grants.push(format!("GRANT {} TO {role}", identifier(&self.group)));
        }
        let others = |member: &&String| **member != found.user;
        for member in self.members.iter().filter(others) {
            // Without the role they may do nothing: what forgets to take it fails.
            let member = identifier(member);
            grants.push(format!("GRANT {role} TO {member}{}", inherits("FALSE")));
        }
        let former = found.members.iter().filter(others);
        for member in former.filter(|member| !self.members.contains(member)) {
            grants.push(format!("REVOKE {role} FROM {}", identifier(member)));
        }
        grants
    }

    /// A schema hides functions only from those who name them first: a statement that somebody has
    /// prepared on the connection is not asked again. So they are taken from everybody.
    fn on_schema(&self, found: &Found) -> Vec<String> {
        /// What a tenant does with tables.
        const ROWS: &str = "SELECT, INSERT, UPDATE, DELETE";
        /// What it does with sequences.
        const NUMBERS: &str = "USAGE, SELECT";

        let role = identifier(&self.role);
        let schema = self.schema.quoted(DbBackend::Postgres);
        let mut grants = vec![
            format!("GRANT USAGE ON SCHEMA {schema} TO {role}"),
            format!("GRANT {ROWS} ON ALL TABLES IN SCHEMA {schema} TO {role}"),
            format!("GRANT {NUMBERS} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}"),
            format!("REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC"),
            format!("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {role}"),
        ];
        for later in [
            format!("{ROWS} ON TABLES"),
            format!("{NUMBERS} ON SEQUENCES"),
        ] {
            grants.push(format!(
                "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {later} TO {role}"
            ));
        }
        if found.has_migrations {
            let migrations = identifier(&self.migrations);
            grants.push(format!(
                "REVOKE INSERT, UPDATE, DELETE ON {schema}.{migrations} FROM {role}"
            ));
        }
        grants
    }

    /// Two who make the role of all tenants at once, or give it to somebody, may collide.
    fn in_the_way(&self, error: MigrationError) -> MigrationError {
        match error {
            MigrationError::Tenant(TenantError::Database(error))
                if conflict::is_duplicate(&error) || conflict::is_concurrent_update(&error) =>
            {
                MigrationError::locked(&self.schema)
            }
            error => error,
        }
    }

    /// Removes the role, with all that was granted to it in this database. What it owns stays: large
    /// objects, at most.
    pub(super) async fn remove(&self, db: &impl ConnectionTrait) -> Result<(), MigrationError> {
        let found = Found::of_tenant(db, self).await?;
        if !found.has_role {
            return Ok(());
        }
        let role = identifier(&self.role);
        let inherits = match found.version {
            ..16 => "",
            _ => " WITH INHERIT TRUE, SET TRUE",
        };
        let remove = [
            format!("GRANT {role} TO CURRENT_USER{inherits}"),
            format!("REASSIGN OWNED BY {role} TO CURRENT_USER"),
            format!("DROP OWNED BY {role}"),
            format!("DROP ROLE {role}"),
        ];
        Ok(run(db, &remove).await?)
    }

    /// Gives the role the name of another one, whose tenant has the schema from now on.
    pub(super) async fn rename(
        &self,
        to: &Self,
        db: &impl ConnectionTrait,
    ) -> Result<(), MigrationError> {
        if !Found::of_tenant(db, self).await?.has_role {
            return Ok(());
        }
        // Of a schema that is not there yet: it was left behind, whatever it may do.
        if Found::of_tenant(db, to).await?.has_role {
            let role = to.role.clone();
            return Err(MigrationError::RoleOccupied { role });
        }
        let (from, to) = (identifier(&self.role), identifier(&to.role));
        run(db, &[format!("ALTER ROLE {from} RENAME TO {to}")])
            .await
            .map_err(|error| self.in_the_way(error.into()))
    }
}

/// Lets a group read tables, whose names are SQL.
pub(super) async fn let_read(
    db: &impl ConnectionTrait,
    group: &str,
    tables: &[&str],
) -> Result<(), MigrationError> {
    let mut grants = Found::of_group(db, group).await?.missing(&[group]);
    let group = identifier(group);
    for table in tables {
        let find = "SELECT n.nspname::text, c.relname::text \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.oid = $1::text::pg_catalog.regclass";
        let find = Statement::from_sql_and_values(DbBackend::Postgres, find, [(*table).into()]);
        let Some(row) = db.query_one_raw(find).await? else {
            continue;
        };
        let schema = identifier(&row.try_get_by_index::<String>(0)?);
        let table = identifier(&row.try_get_by_index::<String>(1)?);
        grants.push(format!("GRANT USAGE ON SCHEMA {schema} TO {group}"));
        grants.push(format!("GRANT SELECT ON {schema}.{table} TO {group}"));
    }
    Ok(run(db, &grants).await?)
}

async fn run(db: &impl ConnectionTrait, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        db.execute_unprepared(statement).await?;
    }
    Ok(())
}

pub(super) fn identifier(name: &str) -> String {
    quoted(name, DbBackend::Postgres)
}
