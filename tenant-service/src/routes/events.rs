use std::{convert::Infallible, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{CACHE_CONTROL, ContentType},
    mime::TEXT_EVENT_STREAM,
    web,
};
use bytes::Bytes;
use futures_util::stream;
use prometheus_client::metrics::gauge::Gauge;
use tenant_core::{Changes, RecordedChange, Revision, TenantError};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, Interval, interval_at},
};

use super::request::is_head;
use crate::{
    auth::{Grant, Permitted, ReadTenants},
    feed::BATCH,
    problem::Problem,
    service::State,
};

/// How often a stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Changes of tenants, as server-sent events.
///
/// Needs the scope `tenants:read`.
///
/// The first event is `ready`, or `reset` where the changes after `Last-Event-ID` are not known any
/// more: what was remembered may be out of date then. Each `change` names a tenant, and whether it
/// was created, updated or deleted. The stream ends when the service stops or cannot read its
/// database, and when the token was taken back; connect again with `Last-Event-ID`. There is no
/// `HEAD` of it.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(("Last-Event-ID" = Option<i64>, Header, description = "The last event that was seen")),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The service failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams are open, or the service's database does not answer; `Retry-After` says when to ask again", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/tenants/events")]
pub(super) async fn follow(
    request: HttpRequest,
    state: web::Data<State>,
    Permitted((), grant): Permitted<ReadTenants>,
) -> Result<HttpResponse, Problem> {
    // Its body would never end, and nobody would read it.
    if is_head(&request) {
        return Err(Problem::method_not_allowed("GET"));
    }
    let resumed = last_event(&request)?;
    let stream = EventStream::open(state.into_inner(), grant, resumed).await?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType(TEXT_EVENT_STREAM))
        .insert_header((CACHE_CONTROL, "no-store"))
        // nginx would hold events back.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream::unfold(stream, |mut stream| async move {
            let events = stream.next().await?;
            Some((Ok::<_, Infallible>(Bytes::from(events)), stream))
        })))
}

fn last_event(request: &HttpRequest) -> Result<Option<Revision>, Problem> {
    match request.headers().get("Last-Event-ID") {
        None => Ok(None),
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.parse().ok())
            .map(Some)
            .ok_or_else(|| Problem::invalid_request("`Last-Event-ID` is no id of an event here")),
    }
}

/// One reader of changes. It reads the store after the last change it told.
struct EventStream {
    state: Arc<State>,
    grant: Grant<ReadTenants>,
    told: Revision,
    /// What is to be told first.
    opening: Option<String>,
    latest: watch::Receiver<Revision>,
    stopping: watch::Receiver<bool>,
    revoked: watch::Receiver<()>,
    heartbeat: Interval,
    /// There may be something to read.
    woken: bool,
    _open: Open,
}

/// Counts a stream while it is open.
struct Open {
    streams: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.streams.dec();
    }
}

impl EventStream {
    async fn open(
        state: Arc<State>,
        grant: Grant<ReadTenants>,
        resumed: Option<Revision>,
    ) -> Result<Self, Problem> {
        let permit = Arc::clone(&state.streams)
            .try_acquire_owned()
            .map_err(|_| Problem::too_many_streams())?;
        let streams = state.metrics.streams().clone();
        streams.inc();
        let open = Open {
            streams,
            _permit: permit,
        };
        // Before the store is read, so that nothing comes in between.
        let latest = state.feed.follow();
        let (event, told) = match resumed {
            None => ("ready", state.store.revision().await?),
            Some(resumed) => match state.store.changes_after(resumed, 1).await? {
                Changes::Since(_) => ("ready", resumed),
                Changes::Missed { latest } => ("reset", latest),
                _ => ("reset", state.store.revision().await?),
            },
        };
        let mut revoked = state.revoked.subscribe();
        // The token may have been taken back before anybody listened.
        revoked.mark_changed();
        Ok(Self {
            grant,
            told,
            opening: Some(frame(event, told, "{}")),
            latest,
            stopping: state.stopping.subscribe(),
            revoked,
            heartbeat: interval_at(Instant::now() + HEARTBEAT, HEARTBEAT),
            woken: true,
            state,
            _open: open,
        })
    }

    async fn next(&mut self) -> Option<String> {
        if let Some(opening) = self.opening.take() {
            return Some(opening);
        }
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            if self.woken {
                match self.read().await {
                    Ok(Some(events)) => {
                        return (self.is_permitted().await == Some(true)).then_some(events);
                    }
                    Ok(None) => self.woken = false,
                    Err(error) => {
                        // The feed warns of an outage, once. A line for each stream would be a
                        // thousand.
                        tracing::debug!(%error, "an event stream ends");
                        return None;
                    }
                }
            }
            tokio::select! {
                changed = self.latest.changed() => {
                    changed.ok()?;
                    self.woken = true;
                }
                revoked = self.revoked.changed() => {
                    revoked.ok()?;
                    if self.is_permitted().await == Some(false) {
                        return None;
                    }
                }
                stopping = self.stopping.changed() => stopping.ok()?,
                _ = self.heartbeat.tick() => {
                    // While the database is away there is nothing to tell, and nobody need come anew.
                    return (self.is_permitted().await != Some(false)).then(|| ":\n\n".to_owned());
                }
            }
        }
    }

    /// Whether whoever reads may still; nothing, where the database does not say. Another process may
    /// have taken the token back, so this is asked before anything is told.
    async fn is_permitted(&self) -> Option<bool> {
        self.grant.holds(&self.state).await.ok()
    }

    /// What comes after what was told, a bounded part of it.
    async fn read(&mut self) -> Result<Option<String>, TenantError> {
        match self.state.store.changes_after(self.told, BATCH).await? {
            Changes::Since(changes) => {
                let Some(last) = changes.last() else {
                    return Ok(None);
                };
                self.told = last.revision;
                Ok(Some(changes.iter().map(event).collect()))
            }
            missed => {
                self.told = match missed {
                    Changes::Missed { latest } => latest,
                    _ => self.state.store.revision().await?,
                };
                Ok(Some(frame("reset", self.told, "{}")))
            }
        }
    }
}

fn event(change: &RecordedChange) -> String {
    let data = serde_json::json!({
        "tenant": change.tenant,
        "kind": change.kind.as_str(),
    });
    frame("change", change.revision, &data.to_string())
}

fn frame(event: &str, id: Revision, data: &str) -> String {
    format!("event: {event}\nid: {id}\ndata: {data}\n\n")
}
