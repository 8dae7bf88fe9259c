use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

use futures_util::stream;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait};

/// A connection to nothing: writes down what reaches it, and finds no rows.
#[derive(Clone)]
pub struct Recorder {
    backend: DbBackend,
    statements: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    pub fn new(backend: DbBackend) -> Self {
        Self {
            backend,
            statements: Arc::default(),
        }
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.statements.lock().unwrap())
    }

    fn note(&self, sql: String) {
        self.statements.lock().unwrap().push(sql);
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Recorder {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(statement.sql);
        Err(DbErr::RecordNotInserted)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.note(sql.to_owned());
        Err(DbErr::RecordNotInserted)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(statement.sql);
        Ok(None)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(statement.sql);
        Ok(Vec::new())
    }
}

impl StreamTrait for Recorder {
    type Stream<'a> = stream::Empty<Result<QueryResult, DbErr>>;

    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + Send + 'a>> {
        self.note(statement.sql);
        Box::pin(async { Ok(stream::empty()) })
    }
}
