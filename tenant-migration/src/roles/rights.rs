use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tenant_core::{SchemaName, TenantError};

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
    pub(crate) async fn grant(&self, db: &impl ConnectionTrait) -> Result<(), MigrationError> {
        let granted = async {
            let found = Found::read(db, &self.group, Some(&self.role)).await?;
            let grants = format!(
                "{}{}{}",
                found.make(&self.group, Some(&self.role)),
                self.membership(&found),
                self.on_schema(),
            );
            db.execute_unprepared(&grants).await?;
            Ok(())
        };
        granted.await.map_err(|error| self.in_the_way(error))
    }

    fn membership(&self, found: &Found) -> String {
        let role = identifier(&self.role);
        let mut grants = format!("GRANT {role} TO CURRENT_USER; ");
        if !found.is_member {
            // It keeps others waiting, who give the same to another.
            grants.push_str(&format!("GRANT {} TO {role}; ", identifier(&self.group)));
        }
        if !self.members.is_empty() {
            let members = self.members.iter().map(|member| identifier(member));
            let members = members.collect::<Vec<_>>().join(", ");
            // Without the role they may do nothing: what forgets to take it fails.
            let only_by_taking_it = match found.version {
                ..16 => "",
                _ => " WITH INHERIT FALSE, SET TRUE",
            };
            grants.push_str(&format!("GRANT {role} TO {members}{only_by_taking_it}; "));
        }
        grants
    }

    /// A schema hides functions only from those who name them first: a statement that somebody has
    /// prepared on the connection is not asked again. So they are taken from everybody.
    fn on_schema(&self) -> String {
        /// What a tenant does with tables.
        const ROWS: &str = "SELECT, INSERT, UPDATE, DELETE";
        /// What it does with sequences.
        const NUMBERS: &str = "USAGE, SELECT";

        let role = identifier(&self.role);
        let schema = self.schema.quoted(DbBackend::Postgres);
        let migrations = identifier(&self.migrations);
        format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role}; \
             GRANT {ROWS} ON ALL TABLES IN SCHEMA {schema} TO {role}; \
             REVOKE INSERT, UPDATE, DELETE ON {schema}.{migrations} FROM {role}; \
             GRANT {NUMBERS} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}; \
             REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC; \
             GRANT EXECUTE ON ALL ROUTINES IN SCHEMA {schema} TO {role}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {ROWS} ON TABLES TO {role}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {NUMBERS} ON SEQUENCES TO {role};"
        )
    }

    /// Two who make the role of all tenants at once, or give it to somebody, may collide.
    fn in_the_way(&self, error: MigrationError) -> MigrationError {
        match error {
            MigrationError::Tenant(TenantError::Database(error))
                if conflict::is_duplicate(&error) || conflict::is_concurrent_update(&error) =>
            {
                MigrationError::Locked {
                    schema: self.schema.clone(),
                }
            }
            error => error,
        }
    }
}

/// What there is of roles.
struct Found {
    has_group: bool,
    has_role: bool,
    /// Whether the role is one of the group's.
    is_member: bool,
    /// The server's, as `15`.
    version: i32,
}

impl Found {
    /// Refuses roles that were made for something else.
    async fn read(
        db: &impl ConnectionTrait,
        group: &str,
        role: Option<&str>,
    ) -> Result<Self, MigrationError> {
        let select = "SELECT g.oid IS NOT NULL, r.oid IS NOT NULL, \
               coalesce(g.rolcanlogin OR g.rolsuper OR g.rolcreaterole OR g.rolcreatedb OR g.rolreplication OR g.rolbypassrls, false), \
               coalesce(r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls, false), \
               EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = g.oid AND m.member = r.oid), \
               pg_catalog.current_setting('server_version_num')::integer / 10000 \
             FROM (SELECT) AS one \
             LEFT JOIN pg_catalog.pg_roles g ON g.rolname = $1 \
             LEFT JOIN pg_catalog.pg_roles r ON r.rolname = $2";
        let values = [group.into(), role.into()];
        let select = Statement::from_sql_and_values(DbBackend::Postgres, select, values);
        let Some(row) = db.query_one_raw(select).await? else {
            return Err(DbErr::RecordNotFound("the server's roles".to_owned()).into());
        };
        for (column, name) in [(2, Some(group)), (3, role)] {
            if let Some(name) = name
                && row.try_get_by_index(column)?
            {
                return Err(MigrationError::RoleOccupied { role: name.into() });
            }
        }
        Ok(Self {
            has_group: row.try_get_by_index(0)?,
            has_role: row.try_get_by_index(1)?,
            is_member: row.try_get_by_index(4)?,
            version: row.try_get_by_index(5)?,
        })
    }

    /// What makes those that are missing: nobody can log in as one.
    fn make(&self, group: &str, role: Option<&str>) -> String {
        let mut missing = Vec::new();
        if !self.has_group {
            missing.push(group);
        }
        if let Some(role) = role
            && !self.has_role
        {
            missing.push(role);
        }
        let create = |name: &str| format!("CREATE ROLE {} NOLOGIN; ", identifier(name));
        missing.into_iter().map(create).collect()
    }
}

/// Removes a role, with all that was granted to it in this database.
pub(super) async fn remove(db: &impl ConnectionTrait, role: &str) -> Result<(), DbErr> {
    let select = "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1";
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [role.into()]);
    if db.query_one_raw(select).await?.is_some() {
        let role = identifier(role);
        let remove = format!("DROP OWNED BY {role}; DROP ROLE {role};");
        db.execute_unprepared(&remove).await?;
    }
    Ok(())
}

/// Lets a group read tables, whose names are SQL.
pub(super) async fn let_read(
    db: &impl ConnectionTrait,
    group: &str,
    tables: &[&str],
) -> Result<(), MigrationError> {
    let found = Found::read(db, group, None).await?;
    let mut grants = found.make(group, None);
    let group = identifier(group);
    let find = "SELECT n.nspname::text, c.relname::text \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid = $1::text::pg_catalog.regclass";
    for table in tables {
        let find = Statement::from_sql_and_values(DbBackend::Postgres, find, [(*table).into()]);
        let Some(row) = db.query_one_raw(find).await? else {
            continue;
        };
        let schema = identifier(&row.try_get_by_index::<String>(0)?);
        let table = identifier(&row.try_get_by_index::<String>(1)?);
        grants.push_str(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {group}; GRANT SELECT ON {schema}.{table} TO {group}; "
        ));
    }
    db.execute_unprepared(&grants).await?;
    Ok(())
}

fn identifier(name: &str) -> String {
    quoted(name, DbBackend::Postgres)
}
