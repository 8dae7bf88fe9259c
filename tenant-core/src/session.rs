use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, RestrictedTransaction, Statement};

use crate::{
    Borrowed, SchemaName, SourceTransaction, TenantConnection, TenantError, error::product,
};

/// The tenant's schema as the search path of a transaction, for SQL that cannot be qualified:
/// functions, triggers, third-party code.
///
/// Everything that SeaORM renders is qualified already and needs none of this.
#[derive(Debug)]
pub struct TenantDatabaseContext(());

/// A connection that is a transaction, owned or borrowed: what ends, so that what is set for it ends
/// too. Implement it for your own wrappers of transactions.
pub trait IsTransaction {}

impl IsTransaction for DatabaseTransaction {}
impl IsTransaction for RestrictedTransaction {}
impl IsTransaction for SourceTransaction {}
impl<C: IsTransaction> IsTransaction for Borrowed<'_, C> {}

impl TenantDatabaseContext {
    /// Makes unqualified names in `transaction` mean the tenant's tables.
    ///
    /// - **PostgreSQL**: what `SET LOCAL search_path` does, to the tenant's schema alone: an unqualified name
    ///   that the tenant does not have is an error and not a table in `public`. Temporary tables
    ///   are looked up last, so one that was left on the connection hides nothing. It ends with the
    ///   transaction, by commit and by rollback; applied in a nested one, it ends with that one's rollback,
    ///   else with the outermost transaction.
    /// - **SQLite**: nothing to do, `main` is the tenant's file; checked. An unqualified name that it
    ///   lacks is looked up in the attached file of the shared tables.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unsupported`] on MySQL: `USE` is not undone by a rollback, so it would stay
    /// on the pooled connection for the next borrower. Say `$tenant.` in raw SQL, or run on
    /// [`Tenancy::dedicated_connection`](crate::Tenancy::dedicated_connection). Also on SQLite when
    /// the tenant's schema is not `main`. [`TenantError::MissingSchema`] on PostgreSQL. Else the
    /// driver's.
    pub async fn apply_tenant_context<C>(
        transaction: &TenantConnection<C>,
    ) -> Result<(), TenantError>
    where
        C: ConnectionTrait + IsTransaction,
    {
        Self::apply_with(transaction, &[]).await
    }

    /// As [`apply_tenant_context`](Self::apply_tenant_context), with more schemas visible behind
    /// the tenant's: that of an extension, say. A table that the tenant lacks is then looked up
    /// there, so name none that holds tables of the same names.
    ///
    /// # Errors
    ///
    /// As [`apply_tenant_context`](Self::apply_tenant_context).
    pub async fn apply_with<C>(
        transaction: &TenantConnection<C>,
        visible: &[SchemaName],
    ) -> Result<(), TenantError>
    where
        C: ConnectionTrait + IsTransaction,
    {
        let backend = transaction.get_database_backend();
        let refuse = |instead| TenantError::Unsupported {
            operation: "setting the tenant for a transaction",
            backend: product(backend),
            instead,
        };
        match backend {
            DbBackend::Postgres => {
                // What a missing schema leaves is `pg_temp`, where tables would be made, and lost.
                let find = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = '$tenant'";
                let find = Statement::from_string(backend, find);
                if transaction.query_one_raw(find).await?.is_none() {
                    return Err(TenantError::MissingSchema {
                        tenant: transaction.tenant().clone(),
                        schema: transaction.schema().clone(),
                    });
                }
                // Not by `set_config`, which tenants' roles may be kept from.
                let visible: String = visible
                    .iter()
                    .map(|schema| format!("{}, ", schema.quoted(backend)))
                    .collect();
                let set = format!("SET LOCAL search_path = \"$tenant\", {visible}pg_temp");
                transaction.execute_unprepared(&set).await?;
                Ok(())
            }
            DbBackend::Sqlite if transaction.schema().as_str() == "main" => Ok(()),
            DbBackend::Sqlite => Err(refuse(
                "unqualified names mean the file that the connection opened; open the tenant's own",
            )),
            _ => Err(refuse(
                "`USE` outlives the transaction and would leak to the next user of the pooled \
                 connection; name `$tenant.` in raw SQL, or use `Tenancy::dedicated_connection`",
            )),
        }
    }
}
