//! Clocks that jump, against what is remembered of tenants. The cache asks Tokio for the time, which a
//! test can stop and move.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use sea_orm_tenant::{
    CachedStore, ConnectionInfo, DatabaseUrl, TenantError, TenantId, TenantInfo, TenantStatus,
    TenantStore,
};
use tokio::time::{Instant, advance};

static ACME: TenantId = TenantId::from_static("acme");

const FRESH: Duration = Duration::from_secs(10);
const STALE: Duration = Duration::from_secs(60);
const UNKNOWN: Duration = Duration::from_secs(5);
/// How long after a failure the store is not asked again.
const RETRY: Duration = Duration::from_secs(1);
/// How long after that it is asked in the background, and nobody waits for what it says.
const BACKGROUND: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Is(TenantStatus),
    Unknown,
    Unavailable,
}

/// A store that knows the truth, and when it became so.
#[derive(Clone)]
struct Truths(Arc<Mutex<Vec<(Instant, Truth)>>>);

impl Truths {
    fn new(first: Truth) -> Self {
        Self(Arc::new(Mutex::new(vec![(Instant::now(), first)])))
    }

    fn becomes(&self, truth: Truth) {
        self.0.lock().unwrap().push((Instant::now(), truth));
    }

    fn now(&self) -> Truth {
        self.0.lock().unwrap().last().unwrap().1
    }

    /// Whether this was so at some time that is no longer ago, and not before `since`.
    fn was(&self, truth: Truth, ago: Duration, since: Instant) -> bool {
        let now = Instant::now();
        let truths = self.0.lock().unwrap();
        let ends = truths.iter().skip(1).map(|(at, _)| *at).chain([now]);
        truths.iter().zip(ends).any(|((_, was), end)| {
            // An answer of the very moment at which something changed may be either.
            *was == truth && end >= since && now.saturating_duration_since(end) <= ago
        })
    }

    fn ask(&self) -> Result<TenantStatus, TenantError> {
        match self.now() {
            Truth::Is(status) => Ok(status),
            Truth::Unknown => Err(TenantError::UnknownTenant {
                tenant: ACME.clone(),
            }),
            Truth::Unavailable => Err(TenantError::store_unavailable("away")),
        }
    }
}

#[async_trait::async_trait]
impl TenantStore for Truths {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let status = self.ask()?;
        Ok(Arc::new(TenantInfo::active(id.clone()).with_status(status)))
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.ask()?;
        let url = DatabaseUrl::new("postgres://h/d")?;
        Ok(Arc::new(ConnectionInfo::shared(&url, id)))
    }
}

/// Jumps to around every bound that there is, and far beyond.
fn jump(random: &mut Rng) -> Duration {
    let bounds = [
        Duration::ZERO,
        UNKNOWN,
        FRESH,
        FRESH.mul_f64(0.8),
        STALE,
        FRESH + STALE,
        RETRY,
        RETRY + BACKGROUND,
    ];
    let around = bounds[random.usize(..bounds.len())];
    match random.u8(..8) {
        0 => around + Duration::from_millis(1),
        1 => around.saturating_sub(Duration::from_millis(1)),
        2 => Duration::from_secs(3_600 * 24 * random.u64(1..4_000)),
        3 | 4 => Duration::from_millis(random.u64(..3_000)),
        _ => around,
    }
}

/// Whatever the clock does, nobody is told what was so longer ago than was promised.
#[tokio::test(start_paused = true)]
async fn however_time_jumps_no_answer_is_older_than_promised() {
    let mut stale = 0;
    let mut asked = 0;
    for seed in 0..figures::sized(200, 5_000) {
        let mut random = Rng::with_seed(seed);
        let truths = Truths::new(Truth::Is(TenantStatus::Active));
        let cache = CachedStore::builder(truths.clone())
            .info_lifetime(FRESH)
            .unknown_lifetime(UNKNOWN)
            .max_stale(STALE)
            .build();
        let mut forgotten = Instant::now();
        let mut failed = None;
        for step in 0..60 {
            match random.u8(..8) {
                0..3 => advance(jump(&mut random)).await,
                3 => truths.becomes(match random.u8(..4) {
                    0 => Truth::Is(TenantStatus::Active),
                    1 => Truth::Is(TenantStatus::Suspended),
                    2 => Truth::Unknown,
                    _ => Truth::Unavailable,
                }),
                4 if random.bool() => {
                    cache.invalidate(&ACME);
                    forgotten = Instant::now();
                }
                4 => cache.expire_all(),
                _ => {
                    asked += 1;
                    let is_away = truths.now() == Truth::Unavailable;
                    if is_away {
                        failed = Some(Instant::now());
                    }
                    let in_outage =
                        failed.is_some_and(|at: Instant| at.elapsed() <= RETRY + BACKGROUND);
                    let promised = if in_outage { FRESH + STALE } else { FRESH };
                    let (told, ago) = match cache.tenant(&ACME).await {
                        Ok(info) => (Truth::Is(info.status), promised),
                        Err(TenantError::UnknownTenant { .. }) => (Truth::Unknown, UNKNOWN),
                        Err(TenantError::StoreUnavailable { .. }) => (Truth::Unavailable, RETRY),
                        Err(other) => panic!("{other}"),
                    };
                    assert!(
                        truths.was(told, ago, forgotten),
                        "seed {seed}, step {step}: {told:?} was not so within {ago:?}"
                    );
                    stale += usize::from(is_away && told != Truth::Unavailable);
                }
            }
            // What is asked for in the background is answered.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
        }
    }
    assert!(stale > 100, "{stale} answers in outages, of {asked}");
    figures::figure("clock-jumps-answers", asked);
}

/// The longest settings are "for ever", and not a sum that is too long.
#[tokio::test(start_paused = true)]
async fn no_setting_and_no_jump_is_too_long() {
    let long = [
        Duration::ZERO,
        Duration::from_secs(3_600 * 24 * 365 * 100),
        Duration::MAX,
    ];
    for fresh in long {
        for stale in long {
            for unknown in long {
                let truths = Truths::new(Truth::Is(TenantStatus::Active));
                let cache = CachedStore::builder(truths.clone())
                    .info_lifetime(fresh)
                    .connection_lifetime(fresh)
                    .unknown_lifetime(unknown)
                    .max_stale(stale)
                    .build();
                for truth in [
                    Truth::Is(TenantStatus::Suspended),
                    Truth::Unavailable,
                    Truth::Unknown,
                    Truth::Unavailable,
                ] {
                    let _ = cache.tenant(&ACME).await;
                    let _ = cache.connection(&ACME).await;
                    advance(Duration::from_secs(3_600 * 24 * 365 * 10)).await;
                    truths.becomes(truth);
                    cache.expire_all();
                    let _ = cache.tenant(&ACME).await;
                    let _ = cache.connection(&ACME).await;
                }
            }
        }
    }
}
