//! The application that is measured: a library, and what is asked of it. Once as tenants have it,
//! once without tenants; the two differ in one attribute.

use std::time::Duration;

/// What one request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// One book by its key, in one of [`READS`] statements that differ in text only.
    Read(u8),
    /// A row that the server gives its key to.
    Insert,
    /// Authors, their books and the loans of those: three queries.
    Loader,
    /// Five statements that leave things as they were.
    Transaction,
    /// A transaction that reads, and then does something else for so long.
    Long(Duration),
}

/// How many statements there are that read a book.
pub const READS: u8 = 20;
/// The authors of each library.
pub const AUTHORS: i32 = 5;
/// The books of each library.
pub const BOOKS: i32 = 20;

macro_rules! library {
    ($name:ident, $doc:literal, [$($schema:tt)*]) => {
        #[doc = $doc]
        #[allow(missing_debug_implementations, reason = "generated")]
        pub mod $name {
            use sea_orm::{
                ActiveValue::{NotSet, Set},
                LoaderTrait as _, TransactionSession, TransactionTrait, entity::prelude::*,
            };

            use super::What;

            pub mod author {
                use sea_orm::entity::prelude::*;

                #[sea_orm::model]
                #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
                #[sea_orm(table_name = "author" $($schema)*)]
                pub struct Model {
                    #[sea_orm(primary_key)]
                    pub id: i32,
                    pub name: String,
                    #[sea_orm(has_many)]
                    pub books: HasMany<super::book::Entity>,
                }


                impl ActiveModelBehavior for ActiveModel {}
            }

            pub mod book {
                use sea_orm::entity::prelude::*;

                #[sea_orm::model]
                #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
                #[sea_orm(table_name = "book" $($schema)*)]
                pub struct Model {
                    #[sea_orm(primary_key)]
                    pub id: i32,
                    pub title: String,
                    pub author_id: i32,
                    pub year: i32,
                    pub shelf: Option<String>,
                    #[sea_orm(belongs_to, from = "author_id", to = "id")]
                    pub author: HasOne<super::author::Entity>,
                    #[sea_orm(has_many)]
                    pub loans: HasMany<super::loan::Entity>,
                }


                impl ActiveModelBehavior for ActiveModel {}
            }

            pub mod loan {
                use sea_orm::entity::prelude::*;

                #[sea_orm::model]
                #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
                #[sea_orm(table_name = "loan" $($schema)*)]
                pub struct Model {
                    #[sea_orm(primary_key)]
                    pub id: i32,
                    pub book_id: i32,
                    pub member: String,
                    #[sea_orm(belongs_to, from = "book_id", to = "id")]
                    pub book: HasOne<super::book::Entity>,
                }


                impl ActiveModelBehavior for ActiveModel {}
            }

            pub mod visit {
                use sea_orm::entity::prelude::*;

                #[sea_orm::model]
                #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
                #[sea_orm(table_name = "visit" $($schema)*)]
                pub struct Model {
                    #[sea_orm(primary_key)]
                    pub id: i32,
                    pub member: String,
                }


                impl ActiveModelBehavior for ActiveModel {}
            }

            /// A book by its key. Each bit of `variant` adds a condition that all books meet.
            #[must_use]
            pub fn read(variant: u8, key: i32) -> Select<book::Entity> {
                use book::Column::{AuthorId, Id, Title, Year};
                let conditions = [
                    Id.gt(0),
                    AuthorId.gt(0),
                    Year.gt(0),
                    Title.is_not_null(),
                    Year.is_not_null(),
                ];
                let chosen = conditions
                    .into_iter()
                    .enumerate()
                    .filter(|(place, _)| variant & (1 << place) != 0);
                chosen.fold(book::Entity::find_by_id(key), |select, (_, condition)| {
                    select.filter(condition)
                })
            }

            /// Answers a request on a connection, or in a transaction that is there already.
            ///
            /// # Errors
            ///
            /// The database's, and a row that is missing.
            pub async fn ask<C: ConnectionTrait>(
                db: &C,
                what: What,
                key: i32,
            ) -> Result<(), DbErr> {
                match what {
                    What::Read(variant) => {
                        let book = read(variant, key).one(db).await?;
                        found(book)?;
                    }
                    What::Insert => {
                        visit(key).insert(db).await?;
                    }
                    What::Loader => {
                        let authors = author::Entity::find()
                            .filter(author::Column::Id.lte(2))
                            .all(db)
                            .await?;
                        let books = authors.load_many(book::Entity, db).await?.concat();
                        found(books.load_many(loan::Entity, db).await?.pop())?;
                    }
                    What::Transaction => {
                        let book = found(read(0, key).one(db).await?)?;
                        found(author::Entity::find_by_id(book.author_id).one(db).await?)?;
                        let visit = visit(key).insert(db).await?;
                        let changed = visit::ActiveModel {
                            id: Set(visit.id),
                            member: Set(book.title),
                        };
                        changed.update(db).await?;
                        visit::Entity::delete_by_id(visit.id).exec(db).await?;
                    }
                    What::Long(time) => {
                        found(read(0, key).one(db).await?)?;
                        tokio::time::sleep(time).await;
                    }
                }
                Ok(())
            }

            /// Answers a request, in a transaction if it asks for one.
            ///
            /// # Errors
            ///
            /// As [`ask`].
            pub async fn answer<C: ConnectionTrait + TransactionTrait>(
                db: &C,
                what: What,
                key: i32,
            ) -> Result<(), DbErr> {
                match what {
                    What::Transaction | What::Long(_) => {
                        let transaction = db.begin().await?;
                        ask(&transaction, what, key).await?;
                        transaction.commit().await
                    }
                    _ => ask(db, what, key).await,
                }
            }

            fn visit(key: i32) -> visit::ActiveModel {
                visit::ActiveModel {
                    id: NotSet,
                    member: Set(format!("Member {key}")),
                }
            }

            fn found<T>(row: Option<T>) -> Result<T, DbErr> {
                row.ok_or_else(|| DbErr::RecordNotFound("a row of the benchmark".to_owned()))
            }
        }
    };
}

library!(scoped, "As tenants have it.", [, schema_name = "$tenant"]);
library!(plain, "As an application without tenants has it.", []);
