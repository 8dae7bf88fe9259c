use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tenant_core::SchemaName;

use super::{
    reading::{FoundObject, assemble, no_such_schema},
    structure::Structure,
};

/// Reads a database of MySQL or MariaDB from the information schema, one kind of objects in a
/// statement.
pub(super) async fn read<C: ConnectionTrait>(
    db: &C,
    schema: &SchemaName,
) -> Result<Structure, DbErr> {
    let statement =
        |sql: &str| Statement::from_sql_and_values(DbBackend::MySql, sql, [schema.as_str().into()]);
    let server = db
        .query_one_raw(statement(SERVER))
        .await?
        .ok_or_else(|| no_such_schema(schema))?;
    let version: String = server.try_get("", "version")?;
    let (indexes, checks) = if version.contains("MariaDB") {
        (MARIADB_INDEXES, MARIADB_CHECKS)
    } else {
        (MYSQL_INDEXES, MYSQL_CHECKS)
    };
    let mut found = Vec::new();
    for sql in [
        TABLES,
        PARTITIONS,
        COLUMNS,
        indexes,
        FOREIGN_KEYS,
        checks,
        VIEWS,
        ROUTINES,
        ARGUMENTS,
        TRIGGERS,
        EVENTS,
    ] {
        for row in db.query_all_raw(statement(sql)).await? {
            let object: String = row.try_get("", "object")?;
            let object: FoundObject =
                serde_json::from_str(&object).map_err(|error| DbErr::Json(error.to_string()))?;
            found.push(object);
        }
    }
    Ok(assemble(DbBackend::MySql, schema, found))
}

/// No row when there is no such database.
const SERVER: &str = "SELECT CAST(VERSION() AS CHAR) AS version
    FROM information_schema.SCHEMATA AS s WHERE s.SCHEMA_NAME = ?";

// Each of the others has one column: [kind of object, table, name, {property: value}]. What the
// information schema has in binary or in a blob is cast, or JSON would encode it.

const TABLES: &str = "SELECT CAST(JSON_ARRAY(
        IF(t.TABLE_TYPE = 'SEQUENCE', 'sequence', 'table'), NULL, t.TABLE_NAME, JSON_OBJECT(
            'kind', CASE t.TABLE_TYPE WHEN 'SYSTEM VERSIONED' THEN 'system versioned' ELSE 'ordinary' END,
            'engine', CAST(t.ENGINE AS CHAR),
            'collation', CAST(t.TABLE_COLLATION AS CHAR),
            'options', CAST(t.CREATE_OPTIONS AS CHAR)
        )
    ) AS CHAR) AS object
    FROM information_schema.TABLES AS t
    WHERE t.TABLE_SCHEMA = ? AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')";

const PARTITIONS: &str = "SELECT DISTINCT CAST(JSON_ARRAY(
        'partition', p.TABLE_NAME, p.PARTITION_NAME, JSON_OBJECT(
            'method', CAST(p.PARTITION_METHOD AS CHAR),
            'expression', CAST(p.PARTITION_EXPRESSION AS CHAR),
            'bound', CAST(p.PARTITION_DESCRIPTION AS CHAR)
        )
    ) AS CHAR) AS object
    FROM information_schema.PARTITIONS AS p
    WHERE p.TABLE_SCHEMA = ? AND p.PARTITION_NAME IS NOT NULL";

/// The collation names the character set. MySQL tells a default that is an expression from one that
/// is a text of the same letters by `DEFAULT_GENERATED`; MariaDB quotes texts, and shows `NULL` for none.
const COLUMNS: &str = "SELECT CAST(JSON_ARRAY(
        'column', c.TABLE_NAME, c.COLUMN_NAME, JSON_OBJECT(
            'type', CAST(c.COLUMN_TYPE AS CHAR),
            'nullability', IF(c.IS_NULLABLE = 'YES', 'nullable', 'not null'),
            'default', CASE
                WHEN c.EXTRA LIKE '%DEFAULT_GENERATED%' THEN CONCAT('(', CAST(c.COLUMN_DEFAULT AS CHAR), ')')
                WHEN CAST(c.COLUMN_DEFAULT AS CHAR) = 'NULL' AND VERSION() LIKE '%MariaDB%' THEN NULL
                ELSE CAST(c.COLUMN_DEFAULT AS CHAR)
            END,
            'generated expression', IF(
                CAST(c.GENERATION_EXPRESSION AS CHAR) <> '',
                CONCAT('(', CAST(c.GENERATION_EXPRESSION AS CHAR), ') ', IF(c.EXTRA LIKE '%STORED%', 'stored', 'virtual')),
                NULL
            ),
            'collation', CAST(c.COLLATION_NAME AS CHAR),
            'extra', TRIM(REPLACE(REPLACE(REPLACE(LOWER(CAST(c.EXTRA AS CHAR)),
                'virtual generated', ''), 'stored generated', ''), 'default_generated', ''))
        )
    ) AS CHAR) AS object
    FROM information_schema.COLUMNS AS c
    JOIN information_schema.TABLES AS t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
    WHERE c.TABLE_SCHEMA = ? AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')";

/// A row for each column of each index.
macro_rules! indexes {
    ($expression:literal, $status:literal) => {
        concat!(
            "SELECT CAST(JSON_ARRAY(
                IF(s.INDEX_NAME = 'PRIMARY', 'constraint', 'index'), s.TABLE_NAME, s.INDEX_NAME, JSON_OBJECT(
                    'uniqueness', IF(s.NON_UNIQUE = 0, 'unique', 'not unique'),
                    'method', LOWER(CAST(s.INDEX_TYPE AS CHAR)),
                    'status', ", $status, ",
                    'columns', CONCAT(
                        ", $expression, ",
                        IF(s.SUB_PART IS NULL, '', CONCAT('(', s.SUB_PART, ')')),
                        IF(s.COLLATION = 'D', ' desc', '')
                    )
                )
            ) AS CHAR) AS object
            FROM information_schema.STATISTICS AS s
            WHERE s.TABLE_SCHEMA = ?
            ORDER BY s.TABLE_NAME, s.INDEX_NAME, s.SEQ_IN_INDEX"
        )
    };
}

const MARIADB_INDEXES: &str = indexes!(
    "CAST(s.COLUMN_NAME AS CHAR)",
    "IF(s.IGNORED = 'YES', 'ignored', 'visible')"
);
const MYSQL_INDEXES: &str = indexes!(
    "IF(s.EXPRESSION IS NULL, CAST(s.COLUMN_NAME AS CHAR), CONCAT('(', CAST(s.EXPRESSION AS CHAR), ')'))",
    "IF(s.IS_VISIBLE = 'YES', 'visible', 'invisible')"
);

/// A row for each column of each key.
const FOREIGN_KEYS: &str = "SELECT CAST(JSON_ARRAY(
        'constraint', k.TABLE_NAME, k.CONSTRAINT_NAME, JSON_OBJECT(
            'columns', CAST(k.COLUMN_NAME AS CHAR),
            'references', CONCAT(
                IF(k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA, '$tenant', CAST(k.REFERENCED_TABLE_SCHEMA AS CHAR)),
                '.', CAST(k.REFERENCED_TABLE_NAME AS CHAR)
            ),
            'referenced columns', CAST(k.REFERENCED_COLUMN_NAME AS CHAR),
            'on update', LOWER(CAST(r.UPDATE_RULE AS CHAR)),
            'on delete', LOWER(CAST(r.DELETE_RULE AS CHAR))
        )
    ) AS CHAR) AS object
    FROM information_schema.KEY_COLUMN_USAGE AS k
    JOIN information_schema.REFERENTIAL_CONSTRAINTS AS r
        ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME
        AND r.TABLE_NAME = k.TABLE_NAME
    WHERE k.TABLE_SCHEMA = ? AND k.REFERENCED_TABLE_NAME IS NOT NULL
    ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION";

const MARIADB_CHECKS: &str = "SELECT CAST(JSON_ARRAY(
        'constraint', c.TABLE_NAME, c.CONSTRAINT_NAME, JSON_OBJECT('check', CAST(c.CHECK_CLAUSE AS CHAR))
    ) AS CHAR) AS object
    FROM information_schema.CHECK_CONSTRAINTS AS c
    WHERE c.CONSTRAINT_SCHEMA = ?";

const MYSQL_CHECKS: &str = "SELECT CAST(JSON_ARRAY(
        'constraint', t.TABLE_NAME, t.CONSTRAINT_NAME, JSON_OBJECT(
            'check', CAST(c.CHECK_CLAUSE AS CHAR),
            'status', IF(t.ENFORCED = 'YES', 'enforced', 'not enforced')
        )
    ) AS CHAR) AS object
    FROM information_schema.TABLE_CONSTRAINTS AS t
    JOIN information_schema.CHECK_CONSTRAINTS AS c
        ON c.CONSTRAINT_SCHEMA = t.CONSTRAINT_SCHEMA AND c.CONSTRAINT_NAME = t.CONSTRAINT_NAME
    WHERE t.TABLE_SCHEMA = ? AND t.CONSTRAINT_TYPE = 'CHECK'";

const VIEWS: &str = "SELECT CAST(JSON_ARRAY(
        'view', NULL, v.TABLE_NAME, JSON_OBJECT(
            'definition', CAST(v.VIEW_DEFINITION AS CHAR),
            'check option', LOWER(CAST(v.CHECK_OPTION AS CHAR)),
            'security', LOWER(CAST(v.SECURITY_TYPE AS CHAR))
        )
    ) AS CHAR) AS object
    FROM information_schema.VIEWS AS v
    WHERE v.TABLE_SCHEMA = ?";

const ROUTINES: &str = "SELECT CAST(JSON_ARRAY(
        LOWER(CAST(r.ROUTINE_TYPE AS CHAR)), NULL, r.ROUTINE_NAME, JSON_OBJECT(
            'result', CAST(r.DTD_IDENTIFIER AS CHAR),
            'body', CAST(r.ROUTINE_DEFINITION AS CHAR),
            'deterministic', LOWER(CAST(r.IS_DETERMINISTIC AS CHAR)),
            'data access', LOWER(CAST(r.SQL_DATA_ACCESS AS CHAR)),
            'security', LOWER(CAST(r.SECURITY_TYPE AS CHAR))
        )
    ) AS CHAR) AS object
    FROM information_schema.ROUTINES AS r
    WHERE r.ROUTINE_SCHEMA = ? AND r.ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE')";

/// A row for each argument. The one before the first is a function's result.
const ARGUMENTS: &str = "SELECT CAST(JSON_ARRAY(
        LOWER(CAST(p.ROUTINE_TYPE AS CHAR)), NULL, p.SPECIFIC_NAME, JSON_OBJECT(
            'arguments', CONCAT_WS(' ', LOWER(CAST(p.PARAMETER_MODE AS CHAR)), CAST(p.PARAMETER_NAME AS CHAR), CAST(p.DTD_IDENTIFIER AS CHAR))
        )
    ) AS CHAR) AS object
    FROM information_schema.PARAMETERS AS p
    WHERE p.SPECIFIC_SCHEMA = ? AND p.ROUTINE_TYPE IN ('FUNCTION', 'PROCEDURE') AND p.ORDINAL_POSITION > 0
    ORDER BY p.ROUTINE_TYPE, p.SPECIFIC_NAME, p.ORDINAL_POSITION";

const TRIGGERS: &str = "SELECT CAST(JSON_ARRAY(
        'trigger', t.EVENT_OBJECT_TABLE, t.TRIGGER_NAME, JSON_OBJECT(
            'timing', LOWER(CAST(t.ACTION_TIMING AS CHAR)),
            'event', LOWER(CAST(t.EVENT_MANIPULATION AS CHAR)),
            'body', CAST(t.ACTION_STATEMENT AS CHAR)
        )
    ) AS CHAR) AS object
    FROM information_schema.TRIGGERS AS t
    WHERE t.TRIGGER_SCHEMA = ?";

/// Without the times that depend on when the event was made.
const EVENTS: &str = "SELECT CAST(JSON_ARRAY(
        'event', NULL, e.EVENT_NAME, JSON_OBJECT(
            'schedule', CONCAT_WS(' ', LOWER(CAST(e.EVENT_TYPE AS CHAR)), CAST(e.INTERVAL_VALUE AS CHAR), LOWER(CAST(e.INTERVAL_FIELD AS CHAR))),
            'body', CAST(e.EVENT_DEFINITION AS CHAR),
            'status', LOWER(CAST(e.STATUS AS CHAR)),
            'on completion', LOWER(CAST(e.ON_COMPLETION AS CHAR))
        )
    ) AS CHAR) AS object
    FROM information_schema.EVENTS AS e
    WHERE e.EVENT_SCHEMA = ?";
