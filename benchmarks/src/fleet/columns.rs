//! Adding a column to all tenants: by the fleet, and by hand.

use std::time::{Duration, Instant};

use crate::BoxError;
use tenant_core::SchemaName;
use tenant_migration::{Run, Selection};

use super::{
    bench::{BEFORE, Bench, Tenants, id},
    by_hand::Loop,
    migrations,
};

/// Each adds a column to all tenants in every way.
const ROUNDS: usize = 3;
/// Of each round, with other tenants each.
const TURNS: usize = 4;

impl Bench<'_> {
    /// How long it takes the fleet, as a multiple of what it takes a loop that does nothing else.
    pub async fn add_columns(&self) -> Result<f64, BoxError> {
        self.report.columns(&[
            "adding a column to all",
            "`up`",
            "a bare loop",
            "ratio",
            "a careful loop",
            "ratio",
        ]);
        let numbers: Vec<usize> = (0..self.tenants).collect();
        let mut all = Took::default();
        for round in 0..ROUNDS {
            let mut took = Took::default();
            for (turn, numbers) in numbers.chunks(self.tenants.div_ceil(TURNS)).enumerate() {
                self.turn(round, turn, numbers, &mut took).await?;
            }
            self.report
                .row(&took.cells(&format!("round {}", round + 1)));
            all.add(&took);
        }
        self.report.row(&all.cells("together"));
        Ok(all.ratio(all.bare))
    }

    /// In turns, each of the three is first, second and last.
    async fn turn(
        &self,
        round: usize,
        turn: usize,
        numbers: &[usize],
        took: &mut Took,
    ) -> Result<(), BoxError> {
        let schemas = numbers
            .iter()
            .map(|number| Ok(SchemaName::for_tenant(&id(*number)?)));
        let schemas = schemas.collect::<Result<Vec<_>, BoxError>>()?;
        // Each round has two migrations: one for the fleet, one for the loop that does as it does.
        let mut migration = BEFORE + 2 * round;
        let mut order = [Way::Fleet, Way::Bare, Way::Careful];
        order.rotate_left((turn + round) % 3);
        for way in order {
            match way {
                Way::Fleet => {
                    took.fleet += up(&self.fleet(migration + 1)?, numbers).await?;
                    migration += 1;
                }
                Way::Bare => {
                    let bare = Loop::Bare(format!("bare_{round}"));
                    took.bare += bare.run(&self.url, self.workers, schemas.clone()).await?;
                }
                Way::Careful => {
                    let careful = Loop::Careful(migrations::name(migration));
                    took.careful += careful
                        .run(&self.url, self.workers, schemas.clone())
                        .await?;
                    migration += 1;
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Way {
    Fleet,
    Bare,
    Careful,
}

#[derive(Default)]
struct Took {
    fleet: Duration,
    bare: Duration,
    careful: Duration,
}

impl Took {
    fn add(&mut self, other: &Self) {
        self.fleet += other.fleet;
        self.bare += other.bare;
        self.careful += other.careful;
    }

    fn ratio(&self, of: Duration) -> f64 {
        self.fleet.as_secs_f64() / of.as_secs_f64()
    }

    fn cells(&self, what: &str) -> [String; 6] {
        let seconds = |took: Duration| format!("{:.2} s", took.as_secs_f64());
        [
            what.to_owned(),
            seconds(self.fleet),
            seconds(self.bare),
            format!("{:.2}", self.ratio(self.bare)),
            seconds(self.careful),
            format!("{:.2}", self.ratio(self.careful)),
        ]
    }
}

/// Applies what is pending to these, and says how long that took.
async fn up(fleet: &Tenants, numbers: &[usize]) -> Result<Duration, BoxError> {
    let ids = numbers.iter().map(|number| id(*number));
    let run = Run::of(Selection::Ids(ids.collect::<Result<_, _>>()?));
    let begun = Instant::now();
    let report = fleet.up(&run).await?;
    let took = begun.elapsed();
    if report.counts().succeeded != numbers.len() {
        return Err(format!("not all were migrated: {:?}", report.counts()).into());
    }
    Ok(took)
}
