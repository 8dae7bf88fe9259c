use std::{
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_core::Stream;
use reqwest::{Response, StatusCode, header::ACCEPT};

use super::{
    ServiceError, Shared, answer,
    parser::{Event, Parser, TooLong},
    request::{Failure, media_type},
};
use crate::{TenantChange, TenantError};

/// The changes of tenants, as the tenant management service tells them: made by
/// [`TenantServiceClient::changes`](crate::TenantServiceClient::changes).
///
/// Never ends. A connection that fails, ends or falls silent is replaced, after a wait that grows
/// as between the attempts of a call. The new one goes on where the old one was; where that is not
/// possible, and on the first connection, the stream says [`Missed`](TenantChange::Missed).
/// Dropping the stream disconnects; dropping the future of its next item loses nothing.
///
/// ```no_run
/// # use futures_util::StreamExt;
/// # use tenant_core::{TenantChange, TenantServiceClient};
/// # async fn example(service: TenantServiceClient) {
/// let mut changes = service.changes();
/// while let Some(change) = changes.next().await {
///     match change {
///         TenantChange::Changed(tenant) => println!("{tenant} is not what it was"),
///         _ => println!("anything may have changed"),
///     }
/// }
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct TenantChanges {
    /// Comes back with its item, for the next.
    next: Pin<Box<dyn Future<Output = (TenantChange, Follower)> + Send>>,
}

impl TenantChanges {
    pub(super) fn of(shared: Arc<Shared>) -> Self {
        let follower = Follower {
            shared,
            last_id: None,
            connection: None,
            failures: 0,
            pause: None,
            told: VecDeque::new(),
        };
        Self {
            next: Box::pin(follower.next()),
        }
    }
}

impl Stream for TenantChanges {
    type Item = TenantChange;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (change, follower) = ready!(self.next.as_mut().poll(cx));
        self.next = Box::pin(follower.next());
        Poll::Ready(Some(change))
    }
}

impl fmt::Debug for TenantChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantChanges").finish_non_exhaustive()
    }
}

struct Follower {
    shared: Arc<Shared>,
    /// The last event that was understood.
    last_id: Option<String>,
    connection: Option<Connection>,
    /// How many connections in a row came to nothing.
    failures: u32,
    /// How long to wait before the next connection.
    pause: Option<Duration>,
    /// Changes that were read and not yet taken.
    told: VecDeque<TenantChange>,
}

struct Connection {
    response: Response,
    parser: Parser,
    since: Instant,
}

/// However long the service wants to be left alone, changes are not missed for longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Follower {
    async fn next(mut self) -> (TenantChange, Self) {
        loop {
            if let Some(change) = self.told.pop_front() {
                return (change, self);
            }
            if let Some(pause) = self.pause.take() {
                tokio::time::sleep(pause).await;
            }
            let step = match self.connection.as_mut() {
                Some(connection) => match connection.read(self.shared.events_idle_timeout).await {
                    Ok((events, read)) => {
                        for event in events {
                            self.understand(event);
                        }
                        read.map_err(|TooLong| self.give_up_place())
                    }
                    Err(failure) => Err(failure),
                },
                None => self.connect().await.map(|connection| {
                    self.connection = Some(connection);
                    // Without a place to go on from, nothing is known of the time before.
                    if self.last_id.is_none() {
                        self.told.push_back(TenantChange::Missed);
                    }
                }),
            };
            if let Err(failure) = step {
                self.disconnect(&failure);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let within = self.shared.attempt_timeout;
        let url = self.shared.url(&["tenants", "events"]);
        let mut request = self.shared.request(url).header(ACCEPT, "text/event-stream");
        if let Some(id) = &self.last_id {
            request = request.header("last-event-id", id);
        }
        let response = tokio::time::timeout(within, request.send())
            .await
            .map_err(|_| Failure::passing(ServiceError::Timeout { within }))?
            .map_err(|error| Failure::passing(ServiceError::transport(error)))?;
        if response.status() != StatusCode::OK {
            return Err(self.shared.refusal(&response));
        }
        if media_type(response.headers()) != "text/event-stream" {
            return Err(Failure::lasting(ServiceError::Body {
                what: "it is no stream of events".to_owned(),
            }));
        }
        Ok(Connection {
            response,
            parser: Parser::new(),
            since: Instant::now(),
        })
    }

    fn understand(&mut self, event: Event) {
        let is_resumed = self.last_id.is_some();
        match event.name.as_str() {
            "change" => self.told.push_back(match answer::changed(&event.data) {
                Some(tenant) => TenantChange::Changed(tenant),
                None => TenantChange::Missed,
            }),
            "reset" => self.told.push_back(TenantChange::Missed),
            // Says where the service is. Whoever is behind gets there by the changes that follow:
            // were the connection to break before them, they would be lost.
            "ready" if is_resumed => return,
            _ => {}
        }
        if let Some(id) = event.id {
            self.last_id = is_sendable(&id).then_some(id);
        }
    }

    /// After an event that is too long to read: it would be too long again.
    fn give_up_place(&mut self) -> Failure {
        self.last_id = None;
        self.told.push_back(TenantChange::Missed);
        Failure::passing(ServiceError::Body {
            what: "an event is too long".to_owned(),
        })
    }

    /// Disconnects, and decides when to connect again.
    fn disconnect(&mut self, failure: &Failure) {
        // A connection that ends soon after it began is no better than none.
        let lasted = self.connection.take().map(|lost| lost.since.elapsed());
        if lasted.is_some_and(|lasted| lasted > self.shared.backoff.max) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        let at_least = failure.again_after.unwrap_or_default().min(LONGEST_PAUSE);
        let wait = self.shared.backoff.after(self.failures).max(at_least);
        let error = &failure.error;
        let is_forbidden = matches!(error, TenantError::Configuration(_));
        if failure.again_after.is_none() && !is_forbidden {
            // It may be the place that is refused.
            self.last_id = None;
        }
        if is_forbidden {
            tracing::warn!(%error, ?wait, "the changes of tenants cannot be followed");
        } else {
            tracing::debug!(%error, ?wait, "following the changes of tenants anew");
        }
        self.pause = Some(wait);
    }
}

/// Whether a header may say it. A place that cannot be named is none.
fn is_sendable(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// In bytes: servers bound their headers.
const LONGEST_ID: usize = 256;

impl Connection {
    /// What came next: events, and whether it can be gone on with.
    async fn read(
        &mut self,
        idle_timeout: Duration,
    ) -> Result<(Vec<Event>, Result<(), TooLong>), Failure> {
        let chunk = tokio::time::timeout(idle_timeout, self.response.chunk())
            .await
            .map_err(|_| {
                Failure::passing(ServiceError::Timeout {
                    within: idle_timeout,
                })
            })?
            .map_err(|error| Failure::passing(ServiceError::transport(error)))?;
        let Some(chunk) = chunk else {
            return Err(Failure::passing(ServiceError::Truncated));
        };
        let mut events = Vec::new();
        let read = self.parser.push(&chunk, |event| events.push(event));
        Ok((events, read))
    }
}
