use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, EntityTrait as _};

use crate::support::{World, entities::author, on_every_database};

on_every_database!(finds_its_own_rows_only);

async fn finds_its_own_rows_only(world: &World) {
    let (acme, recording) = world.recorded(&world.acme, 2).await;
    let globex = world.globex().await;
    let verne = author::ActiveModel {
        name: Set("Verne".into()),
        ..Default::default()
    };
    let verne = verne.insert(&acme).await.unwrap();
    assert_eq!(author::Entity::find().all(&acme).await.unwrap(), [verne]);
    let others = author::Entity::find().all(&globex).await.unwrap();
    assert!(others.is_empty());
    let schema = world.quoted_schema(&world.acme);
    for sql in recording.take() {
        assert!(sql.contains(&schema), "{sql}");
    }
}
