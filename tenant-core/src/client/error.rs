use std::time::Duration;

use crate::TenantError;

/// Why the tenant management service gave no usable answer: what is inside
/// [`TenantError::StoreUnavailable`]. Says nothing of what was in a body.
///
/// ```
/// use tenant_core::{ServiceError, TenantError};
///
/// fn timed_out(error: &TenantError) -> bool {
///     match error {
///         TenantError::StoreUnavailable { source } => {
///             matches!(source.downcast_ref(), Some(ServiceError::Timeout { .. }))
///         }
///         _ => false,
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// No whole answer came in time.
    #[error("the tenant service did not answer within {within:?}")]
    Timeout {
        /// How long one attempt waited.
        within: Duration,
    },

    /// No connection, or it broke.
    #[error("the connection to the tenant service failed: {}", root(source.as_ref()))]
    Transport {
        /// What failed, without the URL.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The service, or something in front of it, answered with a status that is no answer.
    #[error("the tenant service answered with status {status}")]
    Status {
        /// The status of HTTP.
        status: u16,
    },

    /// The answer ended too early.
    #[error("the tenant service's answer is truncated")]
    Truncated,

    /// The answer is longer than is read.
    #[error("the tenant service's answer has more than {bound} bytes")]
    TooLarge {
        /// The bound.
        bound: usize,
    },

    /// The answer is not the JSON that is documented. Something else may be listening there.
    #[error("the tenant service's answer is not what is documented: {what}")]
    Body {
        /// Where it deviates.
        what: String,
    },
}

impl ServiceError {
    pub(super) fn transport(error: reqwest::Error) -> Self {
        Self::Transport {
            source: Box::new(error.without_url()),
        }
    }

    /// Of JSON that cannot be read. Only its place: serde's message repeats values, and one of them
    /// may be a password.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        Self::Body {
            what: format!("at line {} column {}", error.line(), error.column()),
        }
    }
}

/// The first cause: what the layers above it say is only that they failed.
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .unwrap_or(error)
}

impl From<ServiceError> for TenantError {
    fn from(error: ServiceError) -> Self {
        Self::store_unavailable(error)
    }
}
