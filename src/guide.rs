//! The README and the guide in `docs/`, whose examples are compiled with the others.

macro_rules! pages {
    ($($page:ident: $path:literal,)*) => {$(
        #[doc = include_str!(concat!("../docs/src/", $path))]
        struct $page;
    )*};
}

pages! {
    Readme: "../../README.md",
    Concepts: "concepts.md",
    Tutorial: "tutorial.md",
    Annotate: "annotate.md",
    RawSql: "raw-sql.md",
    SharedTables: "shared-tables.md",
    Jobs: "jobs.md",
    Databases: "databases.md",
    Testing: "testing.md",
    Deploys: "deploys.md",
    Moving: "moving.md",
    Operating: "operating.md",
    Security: "security.md",
    Troubleshooting: "troubleshooting.md",
}
