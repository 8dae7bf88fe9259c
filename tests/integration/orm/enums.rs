//! `Mood` is a native type on PostgreSQL, and each tenant has one of its own in its schema.

use sea_orm::{
    ActiveEnum as _, ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait as _, DerivePartialModel, EntityName as _, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::{Alias, Expr, ExprTrait as _, Query},
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    Server, World,
    entities::{
        book,
        review::{self, Mood},
    },
    on_every_database,
};

on_every_database!(
    inserts_an_enum,
    inserts_many_enums,
    updates_an_enum,
    updates_many_enums,
    filters_by_an_enum,
    returns_enums_of_related_rows,
    selects_enums_into_other_shapes,
    a_hand_built_select_casts_the_enum_to_text,
    the_type_is_the_tenants_own,
);

async fn inserts_an_enum(world: &World) {
    let sql = inside_acme(world, async |db| {
        let review = review::ActiveModel {
            book_id: Set(4),
            mood: Set(Mood::Sad),
            text: Set("unseen".into()),
            ..Default::default()
        };
        let review = review.insert(db).await.unwrap();
        assert_eq!((review.id, review.mood), (4, Mood::Sad));
    })
    .await;
    let expected = exactly(
        world,
        r#"INSERT INTO {acme}."review" ("book_id", "mood", "text") VALUES ($1, CAST($2 AS {acme}."mood"), $3) RETURNING "id", "book_id", CAST("mood" AS "text"), "text""#,
        "INSERT INTO {acme}.`review` (`book_id`, `mood`, `text`) VALUES (?, ?, ?)",
        r#"INSERT INTO "main"."review" ("book_id", "mood", "text") VALUES (?, ?, ?) RETURNING "id", "book_id", "mood", "text""#,
    );
    assert_eq!(sql[0], expected);
}

async fn inserts_many_enums(world: &World) {
    inside_acme(world, async |db| {
        let review = |mood| review::ActiveModel {
            book_id: Set(4),
            mood: Set(mood),
            text: Set("many".into()),
            ..Default::default()
        };
        review::Entity::insert_many([review(Mood::Sad), review(Mood::Glad)])
            .exec(db)
            .await
            .unwrap();
        let read = review::Entity::find()
            .filter(review::COLUMN.text.eq("many"))
            .order_by_asc(review::Column::Id);
        let moods: Vec<_> = read.all(db).await.unwrap().iter().map(|r| r.mood).collect();
        assert_eq!(moods, [Mood::Sad, Mood::Glad]);
    })
    .await;
}

async fn updates_an_enum(world: &World) {
    inside_acme(world, async |db| {
        let deep = review::Entity::find_by_id(1)
            .one(db)
            .await
            .unwrap()
            .unwrap();
        let mut deep = deep.into_active_model();
        deep.mood = Set(Mood::Sad);
        assert_eq!(deep.update(db).await.unwrap().mood, Mood::Sad);
    })
    .await;
}

async fn updates_many_enums(world: &World) {
    let sql = inside_acme(world, async |db| {
        let sad = review::ActiveModel {
            mood: Set(Mood::Sad),
            ..Default::default()
        };
        let updated = review::Entity::update_many()
            .set(sad)
            .filter(review::Column::Mood.eq(Mood::Glad))
            .exec(db)
            .await
            .unwrap();
        assert_eq!(updated.rows_affected, 2);
    })
    .await;
    let expected = exactly(
        world,
        r#"UPDATE {acme}."review" SET "mood" = CAST($1 AS {acme}."mood") WHERE "review"."mood" = (CAST($2 AS {acme}."mood"))"#,
        "UPDATE {acme}.`review` SET `mood` = ? WHERE `review`.`mood` = (?)",
        r#"UPDATE "main"."review" SET "mood" = ? WHERE "review"."mood" = (?)"#,
    );
    assert_eq!(only(sql), expected);
}

async fn filters_by_an_enum(world: &World) {
    let sql = inside_acme(world, async |db| {
        let glad = review::Entity::find().filter(review::Column::Mood.eq(Mood::Glad));
        assert_eq!(glad.all(db).await.unwrap().len(), 2);
        let any =
            review::Entity::find().filter(review::Column::Mood.is_in([Mood::Glad, Mood::Sad]));
        assert_eq!(any.all(db).await.unwrap().len(), 3);
        let not_sad = review::Entity::find().filter(review::Column::Mood.ne(Mood::Sad));
        assert_eq!(not_sad.all(db).await.unwrap().len(), 2);
    })
    .await;
    let expected = exactly(
        world,
        r#"WHERE "review"."mood" IN (CAST($1 AS {acme}."mood"), CAST($2 AS {acme}."mood"))"#,
        "WHERE `review`.`mood` IN (?, ?)",
        r#"WHERE "review"."mood" IN (?, ?)"#,
    );
    assert!(sql[1].ends_with(&expected), "{sql:#?}");
}

async fn returns_enums_of_related_rows(world: &World) {
    inside_acme(world, async |db| {
        let found = book::Entity::find()
            .find_also_related(review::Entity)
            .order_by_asc(review::Column::Id)
            .filter(review::COLUMN.id.gte(1))
            .all(db)
            .await
            .unwrap();
        let moods: Vec<_> = found.into_iter().map(|(_, r)| r.unwrap().mood).collect();
        assert_eq!(moods, [Mood::Glad, Mood::Sad, Mood::Glad]);
    })
    .await;
}

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "review::Entity")]
struct Opinion {
    mood: Mood,
    text: String,
}

async fn selects_enums_into_other_shapes(world: &World) {
    inside_acme(world, async |db| {
        let deep = review::Entity::find_by_id(1).into_partial_model::<Opinion>();
        let text = "deep".to_owned();
        let expected = Opinion {
            mood: Mood::Glad,
            text,
        };
        assert_eq!(deep.one(db).await.unwrap(), Some(expected));
        let moods: Vec<Mood> = review::Entity::find()
            .select_only()
            .column(review::Column::Mood)
            .order_by_asc(review::Column::Id)
            .into_tuple()
            .all(db)
            .await
            .unwrap();
        assert_eq!(moods, [Mood::Glad, Mood::Sad, Mood::Glad]);
        let json = review::Entity::find_by_id(2).into_json().one(db).await;
        assert_eq!(json.unwrap().unwrap()["mood"], "sad");
    })
    .await;
}

async fn a_hand_built_select_casts_the_enum_to_text(world: &World) {
    inside_acme(world, async |db| {
        // MySQL has no type `text` to cast to, and needs no cast.
        let mood = match world.server {
            Server::MySql => Expr::col(review::Column::Mood),
            _ => Expr::col(review::Column::Mood).cast_as("text"),
        };
        let select = Query::select()
            .expr_as(mood, Alias::new("mood"))
            .from(review::Entity.table_ref())
            .and_where(review::Column::Mood.eq(Mood::Sad))
            .take();
        let row = db.query_one(&select).await.unwrap().unwrap();
        let mood: Mood = row.try_get("", "mood").unwrap();
        assert_eq!(mood, Mood::Sad);

        let uncast = Query::select()
            .column(review::Column::Mood)
            .from(review::Entity.table_ref())
            .take();
        let row = db.query_one(&uncast).await.unwrap().unwrap();
        let mood: Result<Mood, _> = row.try_get("", "mood");
        assert_eq!(mood.is_err(), world.server == Server::Postgres);
    })
    .await;
}

async fn the_type_is_the_tenants_own(world: &World) {
    if world.server != Server::Postgres {
        // Elsewhere an enum is a column of text with a name that the database never sees.
        assert_eq!(Mood::name().to_string(), "$tenant.mood");
        return;
    }
    let acme = world.acme().await;
    let globex = world.globex().await;
    inside_acme(world, async |db| {
        let add = "ALTER TYPE $tenant.mood ADD VALUE 'bored'";
        acme.execute_unprepared(add).await.unwrap();
        let bored = "INSERT INTO $tenant.review (book_id, mood, text) VALUES (4, 'bored', 'so')";
        acme.execute_unprepared(bored).await.unwrap();
        let refused = globex.execute_unprepared(bored).await.unwrap_err();
        assert!(refused.to_string().contains("invalid input value for enum"));
        // What the type does not know in Rust is an error, not another mood.
        assert!(review::Entity::find_by_id(4).one(db).await.is_err());
    })
    .await;
}
