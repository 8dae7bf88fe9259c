//! Schema sync of an entity with a native enum type in the tenant's schema.

use crate::support::{Server, World, entities::review, on_every_database};

on_every_database!(a_second_sync_leaves_enum_types_alone);

async fn a_second_sync_leaves_enum_types_alone(world: &World) {
    if world.server != Server::Postgres {
        return;
    }
    // `apply` has made the type and the table.
    let acme = world.acme().await;
    let builder = acme.get_schema_builder().register(review::Entity);
    builder.sync(&acme).await.unwrap();
    let builder = acme.get_schema_builder().register(review::Entity);
    builder.sync(&acme).await.unwrap();
}
