use sea_orm::DbBackend;

/// A name that is the migrator's or the server's, and not ours, in SQL. Schemas have
/// [`SchemaName::quoted`](tenant_core::SchemaName::quoted).
pub(crate) fn quoted(name: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::MySql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_early() {
        assert_eq!(quoted("a\"b`c", DbBackend::Postgres), "\"a\"\"b`c\"");
        assert_eq!(quoted("a\"b`c", DbBackend::MySql), "`a\"b``c`");
    }
}
