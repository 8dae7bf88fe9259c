use std::{str::FromStr, time::Duration};

use clap::error::{ContextKind, ContextValue};
use tenant_core::TenantId;

use crate::{MigrationError, Rollout, Selection, Share, cli::failure::reason};

/// The canaries: tenants, or a share of them.
#[derive(Clone, Debug)]
pub(in crate::cli) enum Canary {
    Ids(Vec<TenantId>),
    Share(Share),
}

impl Canary {
    pub(in crate::cli) fn begin(&self, rollout: Rollout) -> Rollout {
        match self {
            Self::Ids(ids) => rollout.with_canaries(ids.iter().cloned()),
            Self::Share(share) => rollout.with_canary_share(*share),
        }
    }
}

pub(super) fn canary(text: &str) -> Result<Canary, String> {
    if text.ends_with('%') {
        return share(text).map(Canary::Share);
    }
    refuse_url(text)?;
    let ids = text.split(',').map(tenant_id);
    Ok(Canary::Ids(ids.collect::<Result<_, _>>()?))
}

pub(super) fn share(text: &str) -> Result<Share, String> {
    refuse_url(text)?;
    Share::from_str(text).map_err(|error: MigrationError| reason(&error))
}

pub(super) fn tenant_id(text: &str) -> Result<TenantId, String> {
    refuse_url(text)?;
    TenantId::from_str(text).map_err(|error| error.to_string())
}

/// One word of a [`Selection`].
pub(super) fn selected(text: &str) -> Result<String, String> {
    refuse_url(text)?;
    match Selection::parse(&[text]) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(reason(&error)),
    }
}

pub(super) fn tenants_file(path: &str) -> Result<Selection, String> {
    refuse_url(path)?;
    Selection::from_file(path).map_err(|error| reason(&error))
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    refuse_url(text)?;
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("it must be longer than nothing".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write 200ms, 30s or 1h")),
    }
}

/// What a parser says of a text, it repeats.
fn refuse_url(text: &str) -> Result<(), String> {
    const NOT_HERE: &str = "that is a URL, which has no place here; a database is named by DATABASE_URL or --database-url";

    match is_url(text) {
        true => Err(NOT_HERE.to_owned()),
        false => Ok(()),
    }
}

fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// The error without a URL that stands in a wrong place, which may hold a password.
pub(in crate::cli) fn redacted(mut error: clap::Error) -> clap::Error {
    let secret: Vec<ContextKind> = error
        .context()
        .filter(|(_, value)| matches!(value, ContextValue::String(text) if is_url(text)))
        .map(|(kind, _)| kind)
        .collect();
    for kind in secret {
        let redacted = ContextValue::String("[REDACTED]".to_owned());
        error.insert(kind, redacted);
    }
    error
}
