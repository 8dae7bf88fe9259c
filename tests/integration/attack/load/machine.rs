//! What a process and a server have of us.

use std::{fmt::Debug, fs, time::Duration};

use sea_orm::Database;
use tokio::runtime::Handle;

use crate::{
    isolation::rows::count,
    support::{Server, World, plain},
};

/// Tasks of this test's runtime. Those of actix's workers end with them.
pub fn tasks() -> i64 {
    Handle::current().metrics().num_alive_tasks() as i64
}

/// Connections to the test's database, but for the one that asks. SQLite has none.
pub async fn connections(world: &World) -> i64 {
    let sql = match world.server {
        Server::Postgres => {
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        }
        Server::MySql => {
            "SELECT count(*) FROM information_schema.processlist \
             WHERE db = database() AND id <> connection_id()"
        }
        Server::Sqlite => return 0,
    };
    let mut options = plain(&world.shared);
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    let count = count(&db, sql).await.unwrap();
    db.close().await.unwrap();
    count
}

/// Waits until there are no more than that: a server takes its time to notice that somebody left.
pub async fn settles_at<N: PartialOrd + Debug>(what: &str, most: N, now: impl AsyncFn() -> N) {
    let mut tries = 0;
    let mut left = now().await;
    while left > most {
        tries += 1;
        assert!(
            tries < 200,
            "{left:?} {what} are left, and there were {most:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
        left = now().await;
    }
}

/// What the process holds of memory, from time to time.
#[derive(Default)]
pub struct Memory(Vec<u64>);

impl Memory {
    pub fn sample(&mut self) {
        // Where there is no /proc, nothing is known.
        let Ok(status) = fs::read_to_string("/proc/self/status") else {
            return;
        };
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        self.0
            .extend(kilobytes.filter(|kilobytes: &u64| *kilobytes > 0));
    }

    /// From the third to the fourth quarter, by their medians, in percent.
    pub fn growth_over_the_second_half(&self) -> f64 {
        let quarter = self.0.len() / 4;
        assert!(quarter > 10, "too few samples");
        let median = |samples: &[u64]| {
            let mut sorted = samples.to_vec();
            sorted.sort_unstable();
            sorted[sorted.len() / 2] as f64
        };
        let third = median(&self.0[quarter * 2..quarter * 3]);
        let fourth = median(&self.0[quarter * 3..]);
        (fourth / third - 1.0) * 100.0
    }
}
