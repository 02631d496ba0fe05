//! Who is trusted to say who an endpoint is: the machine's roots, or the company's own and no others.

use std::{
    cell::RefCell,
    fs,
    path::PathBuf,
    sync::{Arc, LazyLock},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};

/// Who is trusted, as the file says that was read last.
pub(super) struct Trust {
    ca_file: Option<PathBuf>,
    known: RefCell<Option<Vec<u8>>>,
}

impl Trust {
    /// Those whom a file names; whom the machine trusts without one.
    pub(super) const fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, known: RefCell::new(None) }
    }

    /// How TLS is spoken, if that is another than the last time. Files are small, and read each time.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn changed(&self) -> Result<Option<ClientConfig>, String> {
        let text = match &self.ca_file {
            Some(path) => fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?,
            None => Vec::new(),
        };
        if self.known.borrow().as_ref() == Some(&text) {
            return Ok(None);
        }
        let config = match &self.ca_file {
            Some(path) => company(&text).map_err(|why| format!("{}: {why}", path.display()))?,
            None => machines()?,
        };
        self.known.replace(Some(text));
        Ok(Some(config))
    }
}

/// With the machine's own, read once: that takes a while. One that can't be read is left out.
fn machines() -> Result<ClientConfig, String> {
    static ROOTS: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    });
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(ROOTS.clone()).with_no_client_auth())
}

/// With those of a file.
fn company(text: &[u8]) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let mut pinned = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate.clone()).map_err(|error| error.to_string())?;
        pinned.push(certificate);
    }
    if pinned.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = Pinned::new(roots, pinned, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

/// Trusts who was signed by one of the file's certificates, and who has the key of one of them.
///
/// `openssl req -x509` makes a certificate that signs itself and may be a CA; what is meant by giving it is that this
/// very one is to be trusted, whatever it calls itself. It must be of this time all the same.
#[derive(Debug)]
struct Pinned {
    signed: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
}

impl Pinned {
    fn new(
        roots: RootCertStore,
        pinned: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Ok(Self { signed: signed.map_err(|error| error.to_string())?, pinned })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.signed.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(of)) if !is_of_another_time(&of) && self.pinned.contains(end_entity) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

const fn is_of_another_time(error: &CertificateError) -> bool {
    matches!(
        error,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}
