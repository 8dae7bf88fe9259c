use sea_orm::DbBackend;
use smol_str::{SmolStr, format_smolstr};

use crate::{ConnectionInfo, Placement, SchemaName, TenantError};

/// What the database roles of tenants are called: the second wall, on PostgreSQL. See
/// [`TenancyBuilder::database_roles`](crate::TenancyBuilder::database_roles).
///
/// Roles belong to a whole server, and not to one of its databases: name an application, and where
/// one server has several of its kind, each of them. `DatabaseRoles::new("shop")` calls
///
/// - the role of the tenant whose schema is `tenant_acme` `shop/tenant_acme`;
/// - the one that all those are members of, and may read shared tables by, `shop_tenants`.
///
/// ```
/// # use tenant_core::DatabaseRoles;
/// let roles = DatabaseRoles::new("shop")?;
/// assert_eq!(roles.of_schema(&"tenant_acme".parse()?)?, "shop/tenant_acme");
/// assert_eq!(roles.of_all_tenants(), "shop_tenants");
/// # Ok::<(), tenant_core::TenantError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseRoles {
    application: SmolStr,
}

impl DatabaseRoles {
    /// The longest name of an application, in bytes. Identifiers have 63 on PostgreSQL: what is left
    /// of them is for schemas.
    pub const MAX_LEN: usize = 24;

    /// The roles of an application: at most [`MAX_LEN`](Self::MAX_LEN) lowercase letters, digits,
    /// `'_'` and `'-'`, the first one not `'-'`.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] for another name, and for one that begins with `pg_`, which
    /// PostgreSQL keeps for itself.
    pub fn new(application: &str) -> Result<Self, TenantError> {
        let is_name = application.bytes().enumerate().all(|(at, byte)| {
            matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_') || (byte == b'-' && at > 0)
        });
        if !is_name || application.is_empty() || application.len() > Self::MAX_LEN {
            let shown: String = application.chars().take(Self::MAX_LEN + 1).collect();
            return Err(TenantError::Configuration(format!(
                "database roles cannot be called after {shown:?}: name an application with 1 to {} lowercase letters, digits, '_' and '-', the first one not '-'",
                Self::MAX_LEN
            )));
        }
        if application.starts_with("pg_") {
            return Err(TenantError::Configuration(
                "database roles cannot begin with `pg_`, which PostgreSQL keeps for itself"
                    .to_owned(),
            ));
        }
        Ok(Self {
            application: application.into(),
        })
    }

    /// The role of the tenant that has a schema. No two schemas of a database have the same.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] when its name would be longer than PostgreSQL's 63 bytes: the
    /// application's and the schema's together may have 62.
    pub fn of_schema(&self, schema: &SchemaName) -> Result<String, TenantError> {
        Ok(self.role(schema)?.into())
    }

    fn role(&self, schema: &SchemaName) -> Result<SmolStr, TenantError> {
        // No schema's name has a slash.
        let role = format_smolstr!("{}/{schema}", self.application);
        if role.len() > SchemaName::MAX_LEN {
            return Err(TenantError::Configuration(format!(
                "the database role {role:?} would have more than {} bytes, which PostgreSQL cuts off: use shorter ids, or a shorter name for the application",
                SchemaName::MAX_LEN
            )));
        }
        Ok(role)
    }

    /// The role that the roles of all tenants are members of.
    #[must_use]
    pub fn of_all_tenants(&self) -> String {
        format!("{}_tenants", self.application)
    }

    /// The role of the tenant that is placed somewhere: none in a database of its own, which has users
    /// of its own, and none but on PostgreSQL.
    ///
    /// # Errors
    ///
    /// Those of [`of_schema`](Self::of_schema).
    pub fn of_place(&self, place: &ConnectionInfo) -> Result<Option<String>, TenantError> {
        Ok(self.role_at(place)?.map(Into::into))
    }

    pub(crate) fn role_at(&self, place: &ConnectionInfo) -> Result<Option<SmolStr>, TenantError> {
        let has_role =
            place.url().backend() == DbBackend::Postgres && place.placement() == Placement::Shared;
        has_role.then(|| self.role(place.schema())).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseUrl;

    #[test]
    fn an_application_is_named_so_that_no_role_is_cut_off_or_reserved() {
        for name in ["shop", "shop-2", "_", &"x".repeat(24)] {
            assert!(DatabaseRoles::new(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "-shop",
            "Shop",
            "sh/op",
            "sh\"op",
            "pg_shop",
            "é",
            &"x".repeat(25),
        ] {
            let refused = DatabaseRoles::new(name).unwrap_err();
            assert!(matches!(refused, TenantError::Configuration(_)), "{name}");
        }
    }

    #[test]
    fn a_role_that_would_be_cut_off_is_refused() {
        let roles = DatabaseRoles::new("shop").unwrap();
        let schema = |len| SchemaName::try_from("x".repeat(len)).unwrap();
        assert_eq!(roles.of_schema(&schema(58)).unwrap().len(), 63);
        let refused = roles.of_schema(&schema(59)).unwrap_err();
        assert!(refused.to_string().contains("more than 63 bytes"));
    }

    #[test]
    fn the_role_of_all_tenants_is_nobodys_alone() {
        let roles = DatabaseRoles::new("shop").unwrap();
        for schema in ["tenants", "shop_tenants", "_tenants"] {
            let role = roles.of_schema(&schema.parse().unwrap()).unwrap();
            assert_ne!(role, roles.of_all_tenants());
        }
    }

    #[test]
    fn only_tenants_that_share_a_database_of_postgres_have_roles() {
        let roles = DatabaseRoles::new("shop").unwrap();
        let role = |url: &str, is_shared: bool| {
            let url = DatabaseUrl::new(url).unwrap();
            let place = match is_shared {
                true => ConnectionInfo::shared(&url, &"acme".parse().unwrap()),
                false => ConnectionInfo::dedicated(&url).unwrap(),
            };
            roles.of_place(&place).unwrap()
        };
        let acme = Some("shop/tenant_acme".to_owned());
        assert_eq!(role("postgres://h/app", true), acme);
        assert_eq!(role("postgres://h/app", false), None);
        assert_eq!(role("mysql://h/app", true), None);
    }
}
