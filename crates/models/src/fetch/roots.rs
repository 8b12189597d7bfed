//! Which authorities may vouch for a hub: those that the system trusts, so that a company's own, whose proxy reads along,
//! is among them where it is meant to be.

use ureq::tls::RootCerts;

/// On Linux, the certificates where the distribution keeps them, or `SSL_CERT_FILE` and `SSL_CERT_DIR` say; Mozilla's,
/// which are built in, where there are none.
#[cfg(target_os = "linux")]
pub(super) fn roots() -> RootCerts {
    use std::sync::{Arc, LazyLock};

    use ureq::tls::Certificate;

    static ROOTS: LazyLock<RootCerts> = LazyLock::new(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "certificates of the system");
        }
        if found.certs.is_empty() {
            return RootCerts::WebPki;
        }
        let certificates = found.certs.iter();
        let certificates = certificates.map(|der| Certificate::from_der(der).to_owned());
        RootCerts::Specific(Arc::new(certificates.collect()))
    });
    ROOTS.clone()
}

/// Elsewhere the OS itself decides.
#[cfg(not(target_os = "linux"))]
pub(super) fn roots() -> RootCerts {
    RootCerts::PlatformVerifier
}
