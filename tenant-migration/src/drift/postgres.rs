use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tenant_core::SchemaName;

use super::{
    reading::{FoundObject, assemble, no_such_schema},
    structure::Structure,
};

/// Reads a schema of PostgreSQL in one statement.
pub(super) async fn read<C: ConnectionTrait>(
    db: &C,
    schema: &SchemaName,
) -> Result<Structure, DbErr> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        include_str!("postgres.sql"),
        [schema.as_str().into()],
    );
    let row = db
        .query_one_raw(statement)
        .await?
        .ok_or_else(|| no_such_schema(schema))?;
    if row.try_get::<String>("", "schemas")? == "0" {
        return Err(no_such_schema(schema));
    }
    let objects: String = row.try_get("", "objects")?;
    let objects: Vec<FoundObject> =
        serde_json::from_str(&objects).map_err(|error| DbErr::Json(error.to_string()))?;
    Ok(assemble(DbBackend::Postgres, schema, objects))
}
