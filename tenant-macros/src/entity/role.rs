/// Which of the two derives it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Scoped,
    Shared,
}

impl Role {
    /// The name of the derive and of its trait.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Scoped => "TenantScoped",
            Self::Shared => "TenantShared",
        }
    }
}
