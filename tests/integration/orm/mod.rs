//! Every path through SeaORM reads and writes the bound tenant's rows, and no others.

mod catalogue;
mod inside;
mod statements;

mod crud;
mod ddl;
mod enums;
mod insert_many;
mod linked;
mod loaders;
mod many;
mod nested;
mod paging;
mod projections;
mod queries;
mod raw;
mod raw_pages;
mod relations;
mod schema;
mod streams;
mod sync;
mod transactions;
