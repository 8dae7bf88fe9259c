use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use sea_orm::{DbErr, QueryResult, QueryStream, Statement};

use super::{
    SourceConnection,
    home::Housed,
    lanes::Seat,
    session::{Session, Text},
};

/// Rows of a [`SourceConnection`]. Its connection goes back when the stream is dropped, whatever
/// runtime that happens in.
#[must_use = "streams do nothing unless polled"]
pub struct SourceStream {
    // Dropped in this order: the connection is given back before the lane is.
    rows: Housed<QueryStream>,
    /// Read already: only then is it known that the statement can be run.
    first: Option<Result<QueryResult, DbErr>>,
    /// Whether the next row was asked for and is not there yet.
    is_under_way: bool,
    seat: Seat,
    session: Session,
}

impl SourceStream {
    pub(super) async fn open(
        connection: &SourceConnection,
        statement: Statement,
    ) -> Result<Self, DbErr> {
        let opening = async {
            let text = Text::raw(&statement);
            let mut seat = connection.seat().await?;
            let held = seat.hold(connection.session(), text).await?;
            if text.may_begin() {
                // The connection is closed when this is over, however that comes.
                seat.discard();
            }
            let mut rows = held.stream(statement.clone());
            let mut first = seat.watch(next(&mut rows)).await;
            if let Some(Err(error)) = &first
                && seat.learn_from(error)
            {
                drop(rows);
                seat.replace().await?;
                let held = seat.hold(connection.session(), text).await?;
                rows = held.stream(statement.clone());
                first = seat.watch(next(&mut rows)).await;
            }
            Ok(Self {
                rows: Housed::new(connection.home(), rows),
                first: first.map(|row| row.map_err(|error| connection.explain(error))),
                is_under_way: false,
                seat,
                session: connection.session().clone(),
            })
        };
        connection.at_home(opening).await
    }
}

async fn next(rows: &mut QueryStream) -> Option<Result<QueryResult, DbErr>> {
    poll_fn(|context| Pin::new(&mut *rows).poll_next(context)).await
}

impl Stream for SourceStream {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        let polled = Pin::new(&mut self.rows).poll_next(context);
        self.is_under_way = polled.is_pending();
        polled.map_err(|error| self.session.explain(error))
    }
}

impl Drop for SourceStream {
    fn drop(&mut self) {
        if self.is_under_way {
            self.seat.note_cut();
        }
    }
}

impl fmt::Debug for SourceStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceStream").finish_non_exhaustive()
    }
}
