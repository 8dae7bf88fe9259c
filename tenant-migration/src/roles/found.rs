use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement};

use super::rights::{Rights, identifier};
use crate::MigrationError;

/// What there is of the role of all tenants and of a tenant's own, and who asks.
pub(super) struct Found {
    has_group: bool,
    pub(super) has_role: bool,
    /// Whether the role is one of the group's.
    pub(super) is_member: bool,
    /// Those who may take the role, and do nothing else with roles: applications.
    pub(super) members: Vec<String>,
    /// Whether the schema has a table of migrations.
    pub(super) has_migrations: bool,
    /// The server's, as `15`.
    pub(super) version: i32,
    /// Who asks.
    pub(super) user: String,
}

/// What makes a role unfit for a tenant.
const IS_SOMEBODY: &str =
    "rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls";

/// Rights, or things of its own, elsewhere than in the tenant's schema: it was left behind, or is
/// somebody else's. Large objects are nobody's schema's.
const HAS_RIGHTS_ELSEWHERE: &str = "\
    EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid AND m.roleid IS DISTINCT FROM g.oid) \
    OR EXISTS (SELECT FROM pg_catalog.pg_shdepend d \
      JOIN pg_catalog.pg_database here ON here.datname = pg_catalog.current_database() \
      WHERE d.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND d.refobjid = r.oid \
      AND d.classid <> 'pg_catalog.pg_largeobject'::pg_catalog.regclass \
      AND d.classid <> 'pg_catalog.pg_auth_members'::pg_catalog.regclass \
      AND (d.dbid <> here.oid OR s.oid IS DISTINCT FROM CASE d.classid \
        WHEN 'pg_catalog.pg_namespace'::pg_catalog.regclass THEN d.objid \
        WHEN 'pg_catalog.pg_class'::pg_catalog.regclass \
          THEN (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = d.objid) \
        WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass \
          THEN (SELECT pronamespace FROM pg_catalog.pg_proc WHERE oid = d.objid) \
        WHEN 'pg_catalog.pg_type'::pg_catalog.regclass \
          THEN (SELECT typnamespace FROM pg_catalog.pg_type WHERE oid = d.objid) \
        WHEN 'pg_catalog.pg_policy'::pg_catalog.regclass \
          THEN (SELECT c.relnamespace FROM pg_catalog.pg_policy p \
            JOIN pg_catalog.pg_class c ON c.oid = p.polrelid WHERE p.oid = d.objid) \
        WHEN 'pg_catalog.pg_default_acl'::pg_catalog.regclass \
          THEN (SELECT defaclnamespace FROM pg_catalog.pg_default_acl WHERE oid = d.objid) END))";

impl Found {
    /// Refuses roles that were made for something else.
    pub(super) async fn of_tenant(
        db: &impl ConnectionTrait,
        rights: &Rights,
    ) -> Result<Self, MigrationError> {
        let schema = Some(rights.schema.as_str());
        let names = [Some(&*rights.group), Some(&*rights.role), schema];
        let mut found = Self::read(db, names, &rights.migrations).await?;
        if found.has_role {
            found.members = members(db, &rights.role).await?;
        }
        Ok(found)
    }

    /// Of the role of all tenants alone.
    pub(super) async fn of_group(
        db: &impl ConnectionTrait,
        group: &str,
    ) -> Result<Self, MigrationError> {
        Self::read(db, [Some(group), None, None], "").await
    }

    async fn read(
        db: &impl ConnectionTrait,
        names: [Option<&str>; 3],
        migrations: &str,
    ) -> Result<Self, MigrationError> {
        let select = format!(
            "SELECT \
               coalesce((SELECT {IS_SOMEBODY} FROM pg_catalog.pg_roles WHERE oid = g.oid), false), \
               r.oid IS NOT NULL AND ((SELECT {IS_SOMEBODY} FROM pg_catalog.pg_roles WHERE oid = r.oid) OR {HAS_RIGHTS_ELSEWHERE}), \
               g.oid IS NOT NULL, \
               r.oid IS NOT NULL, \
               EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.roleid = g.oid AND m.member = r.oid), \
               EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = s.oid AND relname = $4), \
               pg_catalog.current_setting('server_version_num')::integer / 10000, \
               CURRENT_USER::text \
             FROM (SELECT) AS one \
             LEFT JOIN pg_catalog.pg_roles g ON g.rolname = $1 \
             LEFT JOIN pg_catalog.pg_roles r ON r.rolname = $2 \
             LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = $3"
        );
        let [group, role, schema] = names;
        let values = [group.into(), role.into(), schema.into(), migrations.into()];
        let select = Statement::from_sql_and_values(DbBackend::Postgres, select, values);
        let Some(row) = db.query_one_raw(select).await? else {
            return Err(DbErr::RecordNotFound("the server's roles".to_owned()).into());
        };
        for (column, name) in [group, role].into_iter().enumerate() {
            if let Some(name) = name
                && row.try_get_by_index(column)?
            {
                return Err(MigrationError::RoleOccupied { role: name.into() });
            }
        }
        Ok(Self::of_row(&row)?)
    }

    fn of_row(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            has_group: row.try_get_by_index(2)?,
            has_role: row.try_get_by_index(3)?,
            is_member: row.try_get_by_index(4)?,
            has_migrations: row.try_get_by_index(5)?,
            version: row.try_get_by_index(6)?,
            user: row.try_get_by_index(7)?,
            members: Vec::new(),
        })
    }

    /// What makes those that are missing, of the group and the role: nobody can log in as one.
    pub(super) fn missing(&self, names: &[&str]) -> Vec<String> {
        let there = [self.has_group, self.has_role];
        let missing = names.iter().zip(there).filter(|(_, is_there)| !is_there);
        missing
            .map(|(name, _)| format!("CREATE ROLE {} NOLOGIN", identifier(name)))
            .collect()
    }
}

async fn members(db: &impl ConnectionTrait, role: &str) -> Result<Vec<String>, DbErr> {
    let select = "SELECT u.rolname::text FROM pg_catalog.pg_auth_members m \
         JOIN pg_catalog.pg_roles r ON r.oid = m.roleid \
         JOIN pg_catalog.pg_roles u ON u.oid = m.member \
         WHERE r.rolname = $1 AND u.rolcanlogin AND NOT u.rolcreaterole AND NOT u.rolsuper \
         ORDER BY u.rolname";
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [role.into()]);
    let rows = db.query_all_raw(select).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}
