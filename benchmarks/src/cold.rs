//! Each tenant for the first time: connections that know nobody yet, and one request to everybody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    BoxError,
    contenders::{Limits, Open, Way},
    load::{Load, Popularity, Request, Shape},
    measure::{CLIENTS, Plan, Spread, interleave, warm_up},
    tenants::Tenants,
};

/// First touches a second, in multiples of warm requests a second of one tenant on plain SeaORM.
///
/// # Errors
///
/// A request that fails.
pub async fn measure(
    tenants: &Tenants,
    limits: Limits,
    ways: &[Way],
    count: usize,
    rounds: usize,
) -> Result<Vec<(Way, f64, Spread)>, BoxError> {
    let plain = Way::Plain.open(tenants, limits).await?;
    let load = Load::new(1, Popularity::Uniform, Shape::Read)?;
    warm_up(&[(&plain, &load)], 4_000).await?;
    let plan = Plan {
        clients: CLIENTS,
        rounds: 1,
        turn: Duration::from_millis(500),
    };
    let mut all = vec![(Vec::new(), Vec::new()); ways.len()];
    for _ in 0..rounds {
        for (way, (rates, ratios)) in ways.iter().zip(&mut all) {
            let one = interleave(&[(&plain, &load)], plan).await?;
            let rate = first_touches(tenants, limits, *way, count).await?;
            rates.push(rate);
            ratios.extend(one.iter().flat_map(|one| &one.rates).map(|one| rate / one));
        }
    }
    plain.contender.close().await;
    let measured = ways.iter().zip(all);
    Ok(measured
        .map(|(way, (rates, ratios))| (*way, Spread::of(rates).median, Spread::of(ratios)))
        .collect())
}

/// The tenants are the last ones, so that the first ones can have their connections opened.
async fn first_touches(
    tenants: &Tenants,
    limits: Limits,
    way: Way,
    count: usize,
) -> Result<f64, BoxError> {
    let open = way.open(tenants, limits).await?;
    let spare = tenants.count() - count;
    connect(&open, spare, limits).await?;
    let next = Arc::new(AtomicUsize::new(spare));
    let last = tenants.count();
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..CLIENTS {
        let (contender, next) = (Arc::clone(&open.contender), Arc::clone(&next));
        clients.spawn(async move {
            loop {
                let tenant = next.fetch_add(1, Ordering::Relaxed);
                if tenant >= last {
                    return Ok::<_, BoxError>(());
                }
                contender.answer(Request::first(tenant)).await?;
            }
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    open.contender.close().await;
    Ok(rate)
}

/// Opens all connections, by as many requests at once as find each of them.
async fn connect(open: &Open, spare: usize, limits: Limits) -> Result<(), BoxError> {
    let few = spare.min(4 * limits.connections as usize);
    let load = Load::new(few.max(1), Popularity::Uniform, Shape::Read)?;
    warm_up(&[(open, &load)], 16 * few.max(4)).await
}
