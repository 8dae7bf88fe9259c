use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbErr, ExecResult, QueryResult, QueryStream, Statement,
};

/// Without a driver nothing is connected, and so nothing is held.
pub(in crate::source) enum Held {}

/// As those of drivers have.
impl Drop for Held {
    fn drop(&mut self) {}
}

impl Held {
    pub(super) async fn take(_: &DatabaseConnection) -> Result<Self, DbErr> {
        Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))
    }

    pub(in crate::source) async fn ping(&mut self) -> Result<(), DbErr> {
        match *self {}
    }

    pub(in crate::source) async fn execute(&mut self, _: &Statement) -> Result<ExecResult, DbErr> {
        match *self {}
    }

    pub(in crate::source) async fn execute_unprepared(
        &mut self,
        _: &str,
    ) -> Result<ExecResult, DbErr> {
        match *self {}
    }

    pub(in crate::source) async fn query_one(
        &mut self,
        _: &Statement,
    ) -> Result<Option<QueryResult>, DbErr> {
        match *self {}
    }

    pub(in crate::source) async fn query_all(
        &mut self,
        _: &Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        match *self {}
    }

    pub(in crate::source) fn stream(self, _: Statement) -> QueryStream {
        match self {}
    }

    pub(super) async fn close(self) -> Result<(), DbErr> {
        match self {}
    }

    pub(super) fn abandon(self) {
        match self {}
    }

    pub(super) fn cut(self) {
        match self {}
    }
}
