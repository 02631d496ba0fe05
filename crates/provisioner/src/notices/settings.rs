//! How notices are sent.

use std::{fs, path::PathBuf, time::Duration};

use ipnetwork::IpNetwork;
use lettre::{
    message::Mailbox,
    transport::smtp::client::{Certificate, TlsParameters},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// A customer's service has so long to take a message.
pub const WEBHOOK_ANSWER: Duration = Duration::from_secs(15);

/// How notices are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeSettings {
    /// E-mail.
    pub mail: MailSettings,
    /// What was tried for so long is given up.
    pub give_up_after: Duration,
    /// Notices that ended, and mail in files, are kept for so many days.
    pub keep_days: u16,
    /// A webhook to which nothing could be delivered for so many days is given up.
    pub disable_webhook_days: u16,
    /// Networks that webhooks may be in beside the Internet.
    pub webhook_networks: Vec<IpNetwork>,
    /// A webhook has so long to take a message: [`WEBHOOK_ANSWER`], but for tests.
    pub webhook_answer: Duration,
}

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// How the live realm's goes out. The test realm's is written to files, whatever stands here.
    pub transport: MailTransport,
    /// Who writes: `Company <billing@example.com>`.
    pub from: Mailbox,
    /// Where staff are told.
    pub staff: Option<Mailbox>,
    /// Where mail is written to, if it is; the test realm's in `test` below it.
    pub directory: PathBuf,
}

/// How mail goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTransport {
    /// Into files: one a message, named after its Message-ID.
    File,
    /// To a server, which takes it further.
    Smtp(SmtpSettings),
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpSettings {
    /// Its name, which its certificate is for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: SmtpSecurity,
    /// Who logs in, and the file with the password.
    pub login: Option<(String, PathBuf)>,
    /// Who signed its certificate, beside those that the machine trusts.
    pub ca_file: Option<PathBuf>,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// By TLS after STARTTLS, or not at all.
    StartTls,
    /// By TLS from the start.
    Tls,
    /// In the clear: for a server on this machine.
    None,
}

impl SmtpSettings {
    /// The password.
    ///
    /// # Errors
    /// Why the file can't be read; nothing of what is in it.
    pub(super) fn password(&self) -> Result<Option<(String, String)>, String> {
        let Some((user, file)) = &self.login else { return Ok(None) };
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Some((user.clone(), text.trim_end_matches(['\r', '\n']).to_owned())))
    }

    /// Whom to trust.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn tls(&self) -> Result<TlsParameters, String> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(path) = &self.ca_file {
            let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            let mut signers = CertificateDer::pem_file_iter(path).map_err(|error| told(&error))?.peekable();
            if signers.peek().is_none() {
                return Err(told(&"there is no certificate in it"));
            }
            for signer in signers {
                let der = signer.map_err(|error| told(&error))?.to_vec();
                builder = builder.add_root_certificate(Certificate::from_der(der).map_err(|error| told(&error))?);
            }
        }
        builder.build_rustls().map_err(|error| error.to_string())
    }
}
