//! Around whatever else implements SeaORM's traits, and inside of whatever is generic over them.

mod generic;
mod mock;
mod restricted;
