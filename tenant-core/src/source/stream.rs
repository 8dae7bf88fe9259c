use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use sea_orm::{DbErr, QueryResult, QueryStream};

use super::home::{Home, Housed};

/// Rows of a [`SourceConnection`](super::SourceConnection). Its connection goes back to the pool
/// when the stream is dropped, whatever runtime that happens in.
#[must_use = "streams do nothing unless polled"]
pub struct SourceStream(Housed<QueryStream>);

impl SourceStream {
    pub(super) fn new(home: &Home, rows: QueryStream) -> Self {
        Self(Housed::new(home, rows))
    }
}

impl Stream for SourceStream {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(context)
    }
}

impl fmt::Debug for SourceStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceStream").finish_non_exhaustive()
    }
}
