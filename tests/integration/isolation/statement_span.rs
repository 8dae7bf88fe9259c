//! `tracing` is told which statements run, and nothing of what is in the rows.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, Statement,
};

use super::capture::Capture;
use crate::support::{Server, World, entities::author};

#[tokio::test]
async fn a_statement_has_a_span_with_its_text_and_without_its_values() {
    World::run(Server::Postgres, async |world| {
        let acme = world.acme().await;
        let (capture, _guard) = Capture::start();
        let byron = author::Column::Name.eq("Byron");
        let found = author::Entity::find().filter(byron).all(&acme).await;
        assert!(found.unwrap().is_empty());
        let raw = acme.execute_unprepared("SELECT 'Byron', '$tenant'");
        raw.await.unwrap();
        let backend = acme.get_database_backend();
        let raw = Statement::from_string(backend, "SELECT 'Byron', '$tenant'");
        acme.execute_raw(raw).await.unwrap();
        let sql = "SELECT $1, '$tenant'";
        let raw = Statement::from_sql_and_values(backend, sql, ["Byron".into()]);
        acme.execute_raw(raw).await.unwrap();
        let of_statements = |field: &str| -> Vec<String> {
            let told = capture.told().into_iter();
            let told = told.filter(|told| (told.by, told.field) == ("statement", field));
            told.map(|told| told.value).collect()
        };
        assert_eq!(of_statements("db.system"), ["postgresql"; 4]);
        let texts = of_statements("db.statement");
        assert_eq!(texts.len(), 2);
        for text in &texts {
            assert!(text.contains(acme.schema().as_str()), "{texts:?}");
            assert!(!text.contains("Byron"), "{texts:?}");
        }
    })
    .await;
}
