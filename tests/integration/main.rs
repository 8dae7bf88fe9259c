//! Everything that crosses crates, against real databases, in one binary. `scripts/test` starts
//! the servers and sets `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`.

mod support;

mod orm;
