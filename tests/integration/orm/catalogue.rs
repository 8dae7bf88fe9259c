//! What a server says is there. Hand-written SQL on plain connections: the product is not asked.

use sea_orm::{ConnectionTrait as _, Database, Statement};
use sea_orm_tenant::{TenantId, TenantStore as _};

use crate::support::{Server, World, plain};

/// The names of a tenant's tables, sorted.
pub async fn tables(world: &World, tenant: &TenantId) -> Vec<String> {
    let sql = match world.server {
        Server::Sqlite => "SELECT name FROM main.sqlite_master WHERE type = 'table'".to_owned(),
        _ => format!(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = {}",
            literal(world, tenant)
        ),
    };
    lines(world, tenant, &sql).await
}

/// `table.column`, sorted.
pub async fn columns(world: &World, tenant: &TenantId) -> Vec<String> {
    let sql = match world.server {
        Server::Sqlite => "SELECT m.name || '.' || c.name FROM main.sqlite_master m, \
                           pragma_table_info(m.name) c WHERE m.type = 'table'"
            .to_owned(),
        _ => format!(
            "SELECT concat(table_name, '.', column_name) FROM information_schema.columns \
             WHERE table_schema = {}",
            literal(world, tenant)
        ),
    };
    lines(world, tenant, &sql).await
}

/// `table(columns)` of the indexes that are unique, or that are not. Primary keys are left out.
pub async fn indexes(world: &World, tenant: &TenantId, unique: bool) -> Vec<String> {
    let sql = match world.server {
        Server::Postgres => format!(
            "SELECT t.relname || '(' || string_agg(a.attname, ',' ORDER BY a.attnum) || ')' \
             FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid \
             JOIN pg_class x ON x.oid = i.indexrelid \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (i.indkey) \
             WHERE x.relnamespace = {}::regnamespace AND NOT i.indisprimary \
             AND i.indisunique = {unique} GROUP BY t.relname, x.relname",
            quoted_literal(world, tenant)
        ),
        Server::MySql => format!(
            "SELECT concat(table_name, '(', group_concat(column_name ORDER BY seq_in_index), ')') \
             FROM information_schema.statistics WHERE table_schema = {} \
             AND index_name <> 'PRIMARY' AND non_unique = {} GROUP BY table_name, index_name",
            literal(world, tenant),
            i32::from(!unique)
        ),
        Server::Sqlite => format!(
            "SELECT m.name || '(' || group_concat(c.name) || ')' FROM main.sqlite_master m, \
             pragma_index_list(m.name) i, pragma_index_info(i.name) c WHERE m.type = 'table' \
             AND i.origin <> 'pk' AND i.\"unique\" = {} GROUP BY m.name, i.name",
            i32::from(unique)
        ),
    };
    lines(world, tenant, &sql).await
}

/// `table(column) -> schema.table`, sorted.
pub async fn foreign_keys(world: &World, tenant: &TenantId) -> Vec<String> {
    let sql = match world.server {
        Server::Postgres => format!(
            "SELECT t.relname || '(' || a.attname || ') -> ' || n.nspname || '.' || r.relname \
             FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.conkey[1] \
             JOIN pg_class r ON r.oid = k.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace \
             WHERE k.contype = 'f' AND t.relnamespace = {}::regnamespace",
            quoted_literal(world, tenant)
        ),
        Server::MySql => format!(
            "SELECT concat(table_name, '(', column_name, ') -> ', referenced_table_schema, '.', \
             referenced_table_name) FROM information_schema.key_column_usage \
             WHERE table_schema = {} AND referenced_table_name IS NOT NULL",
            literal(world, tenant)
        ),
        Server::Sqlite => "SELECT m.name || '(' || k.\"from\" || ') -> main.' || k.\"table\" \
                           FROM main.sqlite_master m, pragma_foreign_key_list(m.name) k \
                           WHERE m.type = 'table'"
            .to_owned(),
    };
    lines(world, tenant, &sql).await
}

/// PostgreSQL: the enum types of every schema, as `schema.type`.
pub async fn enum_types(world: &World) -> Vec<String> {
    let sql = "SELECT n.nspname || '.' || t.typname FROM pg_type t \
               JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e'";
    lines(world, &world.acme, sql).await
}

/// The first column of each row, sorted.
async fn lines(world: &World, tenant: &TenantId, sql: &str) -> Vec<String> {
    let placed = world.store.connection(tenant).await.unwrap();
    let db = Database::connect(plain(placed.url())).await.unwrap();
    let statement = Statement::from_string(world.server.backend(), sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .filter(|line: &String| !line.contains("sqlite_sequence"))
        .collect();
    db.close().await.unwrap();
    lines.sort();
    lines
}

fn literal(world: &World, tenant: &TenantId) -> String {
    format!("'{}'", quoted(world, tenant).trim_matches(['"', '`']))
}

fn quoted_literal(world: &World, tenant: &TenantId) -> String {
    format!("'{}'", quoted(world, tenant))
}

fn quoted(world: &World, tenant: &TenantId) -> String {
    world.quoted_schema(tenant)
}
