//! A certificate that nobody vouches for, made at the start: enough to try TLS on one's own machine.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificate of `localhost` and 127.0.0.1, and a server's configuration that shows it and speaks one of
/// `protocols` (of ALPN; any if there are none).
///
/// # Errors
/// Those of the makers of keys and certificates.
pub fn self_signed(
    protocols: &[&str],
) -> Result<(CertificateDer<'static>, Arc<ServerConfig>), Box<dyn std::error::Error + Send + Sync>> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let mut config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.clone()], key)?;
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok((certificate, Arc::new(config)))
}
