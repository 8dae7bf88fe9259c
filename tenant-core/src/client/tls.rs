use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use crate::TenantError;

/// The TLS of a client that trusts what the operating system trusts, and `roots`. Says which
/// cryptography it uses: nothing global is installed or needed.
pub(super) fn trusting(roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TenantError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots, Arc::clone(&provider))
        .map_err(|error| unusable(&error))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

/// The TLS of a client that speaks plain HTTP only, and trusts nobody: it must work where the
/// operating system has no certificates.
pub(super) fn trusting_nobody() -> Result<ClientConfig, TenantError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Ok(config)
}

/// The certificates in a PEM text, of which there is at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TenantError> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .unwrap_or_default();
    if certificates.is_empty() {
        return Err(TenantError::Configuration(
            "the tenant service's `add_root_certificate_pem` was given no PEM certificate; give it the contents of a file".to_owned(),
        ));
    }
    Ok(certificates)
}

fn unusable(error: &rustls::Error) -> TenantError {
    TenantError::Configuration(format!("the tenant service's TLS: {error}"))
}
