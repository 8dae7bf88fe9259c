//! Thousands of generated statements, in every shape that SeaORM has: read by a parser of SQL, each of
//! their tables is where it has to be.

mod reading;
mod reads;
mod recorder;
mod writes;

use std::{collections::BTreeMap, pin::Pin};

use fastrand::Rng;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, StreamTrait,
    sea_query::{Expr, ExprTrait},
};
use sea_orm_tenant::{SchemaName, TenantConnection, TenantId};

use self::{reading::Reading, recorder::Recorder};

const BACKENDS: [DbBackend; 3] = [DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite];

/// One way to make a statement, and what it is called when it fails.
type Shape<C> = (&'static str, Run<C>);
type Run<C> = for<'a> fn(&'a mut Rng, &'a C) -> Running<'a>;
type Running<'a> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

/// A connection that shapes run on: the tenant's, and the plain one to compare with.
trait Database: ConnectionTrait + StreamTrait + Send {}
impl<C: ConnectionTrait + StreamTrait + Send> Database for C {}

fn shapes<C: Database>() -> Vec<Shape<C>> {
    [reads::shapes(), writes::shapes()].concat()
}

#[tokio::test]
async fn every_table_of_every_statement_is_where_it_has_to_be() {
    let mut checked = 0;
    let mut literals = 0;
    let mut tables = BTreeMap::<String, usize>::new();
    for backend in BACKENDS {
        let mut random = Rng::with_seed(5_000);
        let plain_shapes = shapes::<Recorder>();
        let tenant_shapes = shapes::<TenantConnection<Recorder>>();
        let mut made = vec![0; plain_shapes.len()];
        for number in 0..figures::sized(2_000, 40_000) {
            // Each in its turn, so that none is left out.
            let at = number % plain_shapes.len();
            let (name, plain) = plain_shapes[at];
            let (_, on_tenant) = tenant_shapes[at];
            let tenant = tenant(&mut random);
            let seed = random.u64(..);

            let expected = Recorder::new(backend);
            let _ = plain(&mut Rng::with_seed(seed), &expected).await;
            let recorder = Recorder::new(backend);
            let schema = SchemaName::for_tenant(&tenant);
            let db = TenantConnection::new(recorder.clone(), tenant, schema.clone());
            let _ = on_tenant(&mut Rng::with_seed(seed), &db).await;

            let (expected, found) = (expected.take(), recorder.take());
            assert_eq!(
                expected.len(),
                found.len(),
                "{name} on {backend:?}: {expected:#?}"
            );
            made[at] += found.len();
            for (expected, found) in expected.iter().zip(&found) {
                let reading = Reading::of(backend, found)
                    .unwrap_or_else(|error| panic!("{name} on {backend:?}: {error}: {found}"));
                reading.assert_inside(&schema);
                reading.assert_only_qualified(expected, &schema);
                for table in reading.scoped_tables() {
                    *tables.entry(table.to_owned()).or_default() += 1;
                }
                literals += reading.literals();
                checked += 1;
            }
        }
        for ((name, _), made) in plain_shapes.iter().zip(made) {
            assert!(made > 0, "{name} makes no statement on {backend:?}");
        }
    }
    assert!(checked >= 5_000, "{checked}");
    assert!(literals > 500, "{literals} literals");
    assert_eq!(tables.len(), 5, "{tables:?}");
    figures::figure("statements-checked", checked);
    figures::figure("tables-checked", tables.values().sum::<usize>());
}

/// Ids of every length, and such as mean something in SQL.
fn tenant(random: &mut Rng) -> TenantId {
    const WORDS: [&str; 8] = [
        "acme", "select", "public", "book", "tenant", "1", "a-b", "null",
    ];
    let id = match random.u8(..3) {
        0 => WORDS[random.usize(..WORDS.len())].to_owned(),
        1 => "t".repeat(random.usize(1..=56)),
        _ => format!("t{:x}", random.u64(..)),
    };
    TenantId::try_from(id).unwrap()
}

/// Text that would do harm if it were read as SQL.
fn hostile(random: &mut Rng) -> String {
    const PIECES: [&str; 20] = [
        "$tenant",
        "$tenant.",
        "\"$tenant\".\"book\"",
        "`$tenant`.`book`",
        "'$tenant'",
        "'",
        "\"",
        "`",
        "\\",
        "--",
        "/*",
        "*/",
        "#",
        "$$",
        "$1",
        "?",
        "\n",
        "é",
        "FROM book",
        "E'",
    ];
    // The literal that is exactly the placeholder is one of its spellings.
    let pieces = random.usize(2..6);
    (0..pieces)
        .map(|_| PIECES[random.usize(..PIECES.len())])
        .collect()
}

/// A condition on a column, by a parameter or by a literal.
fn condition(random: &mut Rng, column: impl ExprTrait) -> Expr {
    let text = hostile(random);
    match random.u8(..5) {
        0 => column.eq(text),
        1 => column.is_in((0..random.u8(1..4)).map(|_| hostile(random))),
        2 => column.like(text),
        _ => column.ne(Expr::Constant(text.into())),
    }
}
