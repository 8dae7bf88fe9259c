use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use tenant_core::SchemaName;

use crate::{MigrationError, names::quoted};

/// What a tenant's role may do, and who may take it.
pub(super) struct Rights<'r> {
    pub(super) role: &'r str,
    /// The role of all tenants.
    pub(super) group: &'r str,
    pub(super) schema: &'r SchemaName,
    /// Logins beside the one that grants.
    pub(super) members: &'r [String],
    /// The table of migrations, which the tenant may only read.
    pub(super) migrations: &'r str,
}

impl Rights<'_> {
    pub(super) async fn grant(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        let role = identifier(self.role);
        let group = identifier(self.group);
        let schema = self.schema.quoted(DbBackend::Postgres);
        let migrations = identifier(self.migrations);
        let mut grants = format!(
            "GRANT {group} TO {role}; \
             GRANT {role} TO CURRENT_USER; \
             GRANT USAGE ON SCHEMA {schema} TO {role}; \
             GRANT {ROWS} ON ALL TABLES IN SCHEMA {schema} TO {role}; \
             GRANT {NUMBERS} ON ALL SEQUENCES IN SCHEMA {schema} TO {role}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {ROWS} ON TABLES TO {role}; \
             ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {NUMBERS} ON SEQUENCES TO {role}; \
             REVOKE INSERT, UPDATE, DELETE ON {schema}.{migrations} FROM {role};"
        );
        if !self.members.is_empty() {
            let members = self.members.iter().map(|member| identifier(member));
            let members = members.collect::<Vec<_>>().join(", ");
            // Without the role they may do nothing: what forgets to take it fails.
            let only_by_taking_it = match version(tx).await? {
                ..16 => "",
                _ => " WITH INHERIT FALSE, SET TRUE",
            };
            grants.push_str(&format!("GRANT {role} TO {members}{only_by_taking_it};"));
        }
        tx.execute_unprepared(&grants).await?;
        Ok(())
    }
}

/// What a tenant does with tables.
const ROWS: &str = "SELECT, INSERT, UPDATE, DELETE";

/// What it does with sequences.
const NUMBERS: &str = "USAGE, SELECT";

/// Makes roles that nobody can log in as, where they are missing.
pub(super) async fn make<const N: usize>(
    db: &impl ConnectionTrait,
    roles: [&str; N],
) -> Result<(), MigrationError> {
    let select = "SELECT rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls \
         FROM pg_catalog.pg_roles WHERE rolname = $1";
    for role in roles {
        let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [role.into()]);
        match db.query_one_raw(select).await? {
            Some(row) if row.try_get_by_index(0)? => {
                return Err(MigrationError::RoleOccupied { role: role.into() });
            }
            Some(_) => {}
            None => {
                let create = format!("CREATE ROLE {} NOLOGIN", identifier(role));
                db.execute_unprepared(&create).await?;
            }
        }
    }
    Ok(())
}

/// Removes a role, with all that was granted to it in this database.
pub(super) async fn remove(tx: &DatabaseTransaction, role: &str) -> Result<(), DbErr> {
    let select = "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1";
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [role.into()]);
    if tx.query_one_raw(select).await?.is_some() {
        let role = identifier(role);
        let remove = format!("DROP OWNED BY {role}; DROP ROLE {role};");
        tx.execute_unprepared(&remove).await?;
    }
    Ok(())
}

/// Lets a role read a table, whose name is SQL.
pub(super) async fn let_read(
    db: &impl ConnectionTrait,
    role: &str,
    table: &str,
) -> Result<(), DbErr> {
    let role = identifier(role);
    let schema = "SELECT n.nspname::text, c.relname::text \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid = $1::text::pg_catalog.regclass";
    let find = Statement::from_sql_and_values(DbBackend::Postgres, schema, [table.into()]);
    if let Some(row) = db.query_one_raw(find).await? {
        let schema = identifier(&row.try_get_by_index::<String>(0)?);
        let table = identifier(&row.try_get_by_index::<String>(1)?);
        let grant = format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT ON {schema}.{table} TO {role};"
        );
        db.execute_unprepared(&grant).await?;
    }
    Ok(())
}

/// The server's, as `15`.
async fn version(db: &impl ConnectionTrait) -> Result<i32, DbErr> {
    let select = "SELECT pg_catalog.current_setting('server_version_num')::integer / 10000";
    let select = Statement::from_string(DbBackend::Postgres, select);
    match db.query_one_raw(select).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(0),
    }
}

fn identifier(name: &str) -> String {
    quoted(name, DbBackend::Postgres)
}
