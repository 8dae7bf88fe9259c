use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::DbBackend;
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

use super::{Home, lanes::Lanes};

/// One open database. Closes when nobody holds it any more.
pub(super) struct DataSource {
    pub(super) backend: DbBackend,
    pub(super) lanes: Arc<Lanes>,
    place: Option<Place>,
    pub(super) home: Home,
    /// Where the closing runs, whoever drops the last share.
    pub(super) runtime: Option<Handle>,
}

/// A source's place among those that may be open.
struct Place {
    // Dropped in this order: who waits for a place is not told that one is coming when it is there.
    _closing: Option<Counted<Arc<AtomicUsize>>>,
    _permit: OwnedSemaphorePermit,
}

/// One more, as long as it lives.
#[derive(Debug)]
pub(super) struct Counted<C: Deref<Target = AtomicUsize>>(C);

impl<C: Deref<Target = AtomicUsize>> Counted<C> {
    pub(super) fn new(count: C) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl<C: Deref<Target = AtomicUsize>> Drop for Counted<C> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl DataSource {
    pub(super) fn new(
        backend: DbBackend,
        lanes: Arc<Lanes>,
        permit: OwnedSemaphorePermit,
        home: &Home,
    ) -> Self {
        Self {
            backend,
            lanes,
            place: Some(Place {
                _closing: None,
                _permit: permit,
            }),
            runtime: home.runtime(),
            home: home.clone(),
        }
    }

    /// Its place is counted as one that is on its way to somebody who waits.
    pub(super) fn gives_way(&mut self, closing: &Arc<AtomicUsize>) {
        if let Some(place) = &mut self.place {
            place._closing = Some(Counted::new(Arc::clone(closing)));
        }
    }

    /// Gives its place up here and now: its connections are closed.
    pub(super) fn forget(mut self) {
        self.runtime = None;
    }

    /// Waits for statements and transactions that are under way.
    pub(super) async fn close(&self) {
        self.home.run(self.lanes.close()).await;
    }
}

impl Drop for DataSource {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        let closing = Self {
            backend: self.backend,
            lanes: Arc::clone(&self.lanes),
            place: self.place.take(),
            home: self.home.clone(),
            runtime: None,
        };
        // A transaction may outlive the connection that began it: this waits for it, and only then
        // gives the place to the next source.
        runtime.spawn(async move { closing.close().await });
    }
}

impl fmt::Debug for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataSource")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}
