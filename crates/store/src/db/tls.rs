//! The transport of connections over TCP.

use std::sync::{Arc, LazyLock};

use rustls::RootCertStore;
use tokio_postgres::{Config, config::Host};

/// Whether all hosts are Unix sockets, which have no TLS.
fn is_local(config: &Config) -> bool {
    config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))
}

/// Trusts the machine's root certificates; a certificate that can't be read is left out. Reading them takes a while, so
/// they are read once, and not for connections without TLS.
pub(super) fn client_config(config: &Config) -> rustls::ClientConfig {
    static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    #[expect(
        clippy::expect_used,
        reason = "ring has the default protocol versions; a start that fails here is a build error"
    )]
    let builder = versions.expect("ring supports the default TLS versions");
    let roots = if is_local(config) { Arc::new(RootCertStore::empty()) } else { ROOTS.clone() };
    builder.with_root_certificates(roots).with_no_client_auth()
}
