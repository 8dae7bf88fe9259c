//! The macros of `sea-orm-tenant`. Use them through that crate.

use proc_macro::TokenStream;

/// Runs a function in a tenant's scope.
#[proc_macro_attribute]
pub fn with_tenant(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Marks a tenant-scoped entity.
#[proc_macro_derive(TenantScoped)]
pub fn derive_tenant_scoped(_item: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// Marks a shared entity.
#[proc_macro_derive(TenantShared)]
pub fn derive_tenant_shared(_item: TokenStream) -> TokenStream {
    TokenStream::new()
}
