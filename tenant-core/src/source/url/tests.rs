use super::*;

fn url(url: &str) -> DatabaseUrl {
    DatabaseUrl::new(url).unwrap()
}

#[test]
fn schemes_name_the_backend() {
    assert_eq!(url("postgres://h/d").backend(), DbBackend::Postgres);
    assert_eq!(url("postgresql://h/d").backend(), DbBackend::Postgres);
    assert_eq!(url("mysql://h/d").backend(), DbBackend::MySql);
    assert_eq!(url("mariadb://h/d").backend(), DbBackend::MySql);
    assert_eq!(url("mariadb://h/d").expose(), "mysql://h/d");
    assert_eq!(url("sqlite:///d").backend(), DbBackend::Sqlite);
}

#[test]
fn white_space_around_it_is_left_out() {
    assert_eq!(url(" mariadb://h/d\n").expose(), "mysql://h/d");
    assert_eq!(url("postgres://h/d\r\n").expose(), "postgres://h/d");
}

#[test]
fn parameters_are_read_as_drivers_read_them() {
    for pooled in ["=0", "=00", "=%30", "=0&application_name=a"] {
        let url = url(&format!(
            "postgres://h/d?statement-cache-capacity{pooled}\n"
        ));
        assert!(url.is_pooled_by_transaction(), "{pooled}");
    }
    for not in [
        "",
        "?statement-cache-capacity=10",
        "?application_name=statement-cache-capacity=0",
    ] {
        let url = url(&format!("postgres://h/d{not}"));
        assert!(!url.is_pooled_by_transaction(), "{not}");
    }
    let file = url("sqlite:///a?mode=%72wc&cache=private").of_existing_file();
    assert_eq!(file.expose(), "sqlite:///a?cache=private");
}

#[test]
fn what_is_refused_is_not_repeated() {
    for refused in [
        "hunter2",
        "http://u:hunter2@h",
        "sqlite::memory:?p=hunter2",
        "sqlite:///a?mode=memory&p=hunter2",
        "sqlite:///a?mode=%6demory&p=hunter2",
        "postgres://u:hunter2@h/a\nb",
        "postgres://h/d?password=hunter2",
        "postgres://h/d?Passwort=hunter2",
        "mysql://h/d?pwd=hunter2",
    ] {
        let error = DatabaseUrl::new(refused).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn it_prints_redacted() {
    let shown = format!("{:?}", url("postgres://app:hunter2@db.internal/app"));
    assert_eq!(shown, "DatabaseUrl(PostgreSQL, [REDACTED])");
}

#[test]
fn the_password_comes_off_decoded() {
    let (bare, password) = url("mysql://app:a%40b%25@h:1/d?x=y").without_password();
    assert_eq!(bare, "mysql://app@h:1/d?x=y");
    assert_eq!(password.unwrap().expose_secret(), "a@b%");
    let (bare, password) = url("postgres://h/d").without_password();
    assert_eq!(bare, "postgres://h/d");
    assert!(password.is_none());
}

#[test]
fn one_database_has_many_urls() {
    for (one, other) in [
        (
            "postgres://a:x@Host/d",
            "postgresql://b:y@host.:5432/d?sslmode=require",
        ),
        ("postgres://app@h", "postgres://app@h/app"),
        ("postgres://h?user=app", "postgres://h/app"),
        ("postgres://h/app", "postgres://h//%61pp"),
        (
            "postgres://h/app",
            "postgres://x/y?host=h&dbname=app&port=5432",
        ),
        ("postgres://localhost/d", "postgres://127.0.0.1/d"),
        // A schema is a database of its own there, whichever one the URL names.
        ("mysql://h/d", "mysql://h:3306/e"),
        ("sqlite:///a%20b/c", "sqlite:///a b/c?mode=rwc"),
        ("sqlite:///srv/app", "sqlite:///srv/./x/..//app"),
        ("sqlite://app", "sqlite://./app"),
    ] {
        assert_eq!(url(one).place(), url(other).place());
    }
    for (one, other) in [
        ("postgres://h/d", "postgres://h/e"),
        ("postgres://h/d", "postgres://h:5433/d"),
        ("mysql://h/d", "postgres://h/d"),
        ("sqlite:///a", "sqlite:///b"),
    ] {
        assert_ne!(url(one).place(), url(other).place());
    }
}

#[test]
fn two_links_to_one_directory_are_one_place() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link");
    let real = directory.path().join("real");
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let place = |path: PathBuf| DatabaseUrl::sqlite(path).unwrap().place();
    assert_eq!(place(real.join("a.sqlite")), place(link.join("a.sqlite")));
}

#[test]
fn a_tenants_file_is_in_the_directory() {
    let schema = SchemaName::for_tenant(&crate::TenantId::from_static("acme"));
    let file = |directory: &str| url(directory).file_in(&schema).expose().to_owned();
    assert_eq!(file("sqlite:///v/t"), "sqlite:///v/t/tenant_acme.sqlite");
    assert_eq!(
        file("sqlite:///v/t/?mode=rwc&cache=private"),
        "sqlite:///v/t/tenant_acme.sqlite?cache=private"
    );
    assert_eq!(file("sqlite://data"), "sqlite://data/tenant_acme.sqlite");
    assert_eq!(
        url("sqlite://data").file_in(&schema).file(),
        Some("data/tenant_acme.sqlite".into())
    );
}

#[test]
fn a_path_becomes_a_url_and_a_path_again() {
    for path in ["/tmp/a b/c%20d?e#f.sqlite", "/tmp/ü"] {
        let url = DatabaseUrl::sqlite(path).unwrap();
        assert_eq!(
            url.file().as_deref(),
            Some(Path::new(path)),
            "{}",
            url.expose()
        );
    }
}

#[test]
fn another_default_database_on_the_same_server() {
    let schema: SchemaName = "tenant_acme".parse().unwrap();
    assert_eq!(
        url("mysql://u:p@h:1/app?charset=utf8mb4")
            .with_database(&schema)
            .expose(),
        "mysql://u:p@h:1/tenant_acme?charset=utf8mb4"
    );
}
