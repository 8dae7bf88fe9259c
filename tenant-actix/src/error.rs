/// A setting of the adapter that makes no sense, found when the application is built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {value:?} is invalid: {reason}")]
pub struct InvalidSetting {
    setting: &'static str,
    value: String,
    reason: String,
}

impl InvalidSetting {
    pub(crate) fn new(setting: &'static str, value: &str, reason: impl ToString) -> Self {
        Self {
            setting,
            value: value.chars().take(100).collect(),
            reason: reason.to_string(),
        }
    }
}
