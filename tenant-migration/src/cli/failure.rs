use std::{fmt, process::ExitCode};

use tenant_core::TenantError;

use super::BoxError;
use crate::MigrationError;

pub(super) const FAILED: u8 = 1;
pub(super) const REFUSED: u8 = 2;
pub(super) const UNREACHABLE: u8 = 3;

/// What came of a command that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Well,
    NotAll,
}

impl Verdict {
    pub(super) fn well_if(is_well: bool) -> Self {
        match is_well {
            true => Self::Well,
            false => Self::NotAll,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Well => Self::SUCCESS,
            Verdict::NotAll => FAILED.into(),
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    text: String,
}

impl Failure {
    /// Nothing was changed, and somebody has to say something else.
    pub(super) fn refused(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            code: REFUSED,
            text,
        }
    }

    pub(super) fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<MigrationError> for Failure {
    fn from(error: MigrationError) -> Self {
        let code = match &error {
            MigrationError::Tenant(error) => code_of(error),
            MigrationError::SchemaOccupied { .. }
            | MigrationError::WrongStatus { .. }
            | MigrationError::Unconfirmed { .. }
            | MigrationError::Production
            | MigrationError::Drifted { .. }
            | MigrationError::Configuration(_) => REFUSED,
            _ => FAILED,
        };
        Self {
            code,
            text: reason(&error),
        }
    }
}

impl From<TenantError> for Failure {
    fn from(error: TenantError) -> Self {
        MigrationError::from(error).into()
    }
}

/// What a user's own code says, which may be one of ours.
impl From<BoxError> for Failure {
    fn from(error: BoxError) -> Self {
        let error = match error.downcast::<MigrationError>() {
            Ok(error) => return (*error).into(),
            Err(error) => error,
        };
        match error.downcast::<TenantError>() {
            Ok(error) => (*error).into(),
            Err(error) => Self {
                code: UNREACHABLE,
                text: error.to_string(),
            },
        }
    }
}

fn code_of(error: &TenantError) -> u8 {
    match error {
        TenantError::StoreUnavailable { .. } => UNREACHABLE,
        error if error.is_connection_failure() => UNREACHABLE,
        // What is said of what was asked for, before anything is done.
        TenantError::InvalidTenantId(_)
        | TenantError::InvalidSchemaName(_)
        | TenantError::UnknownTenant { .. }
        | TenantError::TenantExists { .. }
        | TenantError::EntryRefused { .. }
        | TenantError::InvalidStoreEntry { .. }
        | TenantError::Unsupported { .. }
        | TenantError::Configuration(_) => REFUSED,
        // Somebody else may have changed something, or this did.
        _ => FAILED,
    }
}

/// A refusal in words. That it is about a configuration is clear on a command line.
pub(super) fn reason(error: &MigrationError) -> String {
    let text = error.to_string();
    match text.strip_prefix("configuration: ") {
        Some(text) => text.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use tenant_core::TenantId;

    use super::*;

    #[test]
    fn codes_tell_what_to_do_next() {
        let unknown = TenantError::UnknownTenant {
            tenant: TenantId::from_static("acme"),
        };
        assert_eq!(Failure::from(unknown.clone()).code(), REFUSED);
        assert_eq!(Failure::from(BoxError::from(unknown)).code(), REFUSED);
        let refused = TenantError::EntryRefused {
            tenant: TenantId::from_static("acme"),
            reason: "its plan is too long".to_owned(),
        };
        assert_eq!(Failure::from(refused).code(), REFUSED);
        let store = TenantError::store_unavailable("gone");
        assert_eq!(Failure::from(store).code(), UNREACHABLE);
        let panicked = MigrationError::Panicked {
            message: "x".to_owned(),
        };
        assert_eq!(Failure::from(panicked).code(), FAILED);
        assert_eq!(Failure::from(BoxError::from("no key")).code(), UNREACHABLE);
        let refused = Failure::from(MigrationError::Configuration("what".to_owned()));
        assert_eq!(refused.to_string(), "what");
    }
}
