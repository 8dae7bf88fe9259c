//! Memory of the server's processes, before and after they have served everybody.

use crate::{
    BoxError,
    contenders::{Limits, Way},
    load::{Load, Popularity, Shape},
    measure::warm_up,
    memory::of_connections,
    tenants::Tenants,
};

/// What one contender's connections took.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    pub way: Way,
    /// When all were open.
    pub before: u64,
    /// When everybody had been served, often.
    pub after: u64,
}

impl Footprint {
    #[must_use]
    pub fn growth(&self) -> u64 {
        self.after.saturating_sub(self.before)
    }
}

/// Serves `count` tenants `each` times on average.
///
/// # Errors
///
/// A request that fails, and a server whose processes may not be looked at.
pub async fn measure(
    tenants: &Tenants,
    limits: Limits,
    way: Way,
    count: usize,
    each: usize,
) -> Result<Footprint, BoxError> {
    let open = way.open(tenants, limits).await?;
    let few = Load::new(32.min(count), Popularity::Uniform, Shape::Read)?;
    warm_up(&[(&open, &few)], 1_000).await?;
    let before = of_connections(&tenants.server, &open.application).await?;
    let load = Load::new(count, Popularity::Uniform, Shape::Read)?;
    warm_up(&[(&open, &load)], each * count).await?;
    let after = of_connections(&tenants.server, &open.application).await?;
    open.contender.close().await;
    Ok(Footprint { way, before, after })
}
