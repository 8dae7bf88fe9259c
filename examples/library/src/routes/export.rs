//! All books of a library as CSV, however many there are.
//!
//! A database's stream borrows its connection, and a response's body must own what it is made of.
//! So a task owns both, and the body reads from the task. Between them is a channel with a bound:
//! no more than a few pieces are ever in memory, and the database waits for the client.

use std::{error::Error, time::Duration};

use actix_web::{
    HttpResponse,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web::Bytes,
};
use futures_util::{Stream, TryStreamExt as _, stream::try_unfold};
use sea_orm::{EntityTrait as _, QueryOrder as _};
use sea_orm_tenant::{TenantConnection, TenantContext, actix::TenantDb};
use serde::Serialize;
use tokio::{sync::mpsc, task::JoinHandle};

use crate::entity::{author, book, genre};

/// The size of a piece, in bytes, or a line more.
const PIECE: usize = 4 * 1024;
/// How many pieces wait for the client at most.
const WAITING: usize = 4;
/// How long the client may take for a piece. It holds one of the database's connections meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// A line, as in the catalogue that libraries begin with.
#[derive(Serialize)]
struct Line {
    title: String,
    author: String,
    born: Option<i32>,
    year: Option<i32>,
    language: String,
    genre: String,
}

const HEAD: [&str; 6] = ["title", "author", "born", "year", "language", "genre"];

/// Why an export ends early.
type Broken = Box<dyn Error>;

pub async fn books(db: TenantDb) -> HttpResponse {
    let (sender, pieces) = mpsc::channel(WAITING);
    // For the tenant of this request. `actix_web::rt::spawn` would begin without one.
    let writing = TenantContext::spawn_local(async move {
        let written = write(&db.into_inner(), &sender).await;
        if let Err(error) = &written {
            tracing::warn!(error = %error, "an export broke off");
        }
        written
    });
    HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename("books.csv".to_owned())],
        })
        .streaming(body(pieces, writing))
}

/// The pieces, and then what became of the task. Where that failed, or was killed, the connection
/// breaks: an end of the pieces alone would look like the end of the books.
fn body(
    pieces: mpsc::Receiver<Bytes>,
    writing: JoinHandle<Result<(), Broken>>,
) -> impl Stream<Item = Result<Bytes, Broken>> {
    try_unfold((pieces, writing), |(mut pieces, writing)| async move {
        match pieces.recv().await {
            Some(piece) => Ok(Some((piece, (pieces, writing)))),
            None => {
                writing.await??;
                Ok(None)
            }
        }
    })
}

/// Reads the books row by row, and sends them on piece by piece.
async fn write(db: &TenantConnection, pieces: &mpsc::Sender<Bytes>) -> Result<(), Broken> {
    let mut rows = book::Entity::find()
        .find_also_related(author::Entity)
        .find_also_related(genre::Entity)
        .order_by_asc(book::Column::Id)
        .stream(db)
        .await?;
    let mut piece = writer();
    piece.write_record(HEAD)?;
    while let Some((book, author, genre)) = rows.try_next().await? {
        let (author, genre) = author
            .zip(genre)
            .ok_or("a book has no author, or no genre")?;
        piece.serialize(Line {
            title: book.title,
            author: author.name,
            born: author.born,
            year: book.year,
            language: book.language,
            genre: genre.label,
        })?;
        piece.flush()?;
        if piece.get_ref().len() >= PIECE {
            send(std::mem::replace(&mut piece, writer()), pieces).await?;
        }
    }
    send(piece, pieces).await
}

/// The header is written once, and not by each piece.
fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::with_capacity(PIECE + PIECE / 4))
}

async fn send(piece: csv::Writer<Vec<u8>>, pieces: &mpsc::Sender<Bytes>) -> Result<(), Broken> {
    let bytes = piece.into_inner().map_err(|error| error.to_string())?;
    Ok(pieces.send_timeout(bytes.into(), PATIENCE).await?)
}
