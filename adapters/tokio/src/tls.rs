use std::io;
use std::sync::{Arc, OnceLock};

use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The configuration that [`connect`](crate::connect) uses: it verifies servers by the authorities that the features name.
/// Made once, as it is costly and keeps sessions to resume.
///
/// # Errors
/// With `platform-roots`, if the operating system has no authorities.
pub fn tls_config() -> io::Result<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    // Named, since a process in which another crate enables another provider has no default one.
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots()?)
        .with_no_client_auth();
    Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
}

#[cfg(not(feature = "platform-roots"))]
fn roots() -> io::Result<RootCertStore> {
    Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() })
}

/// One certificate that cannot be read makes no difference; none at all does.
#[cfg(feature = "platform-roots")]
fn roots() -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        let why = found.errors.first().map_or("none is installed".into(), ToString::to_string);
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("no certificate authorities: {why}")));
    }
    Ok(roots)
}
