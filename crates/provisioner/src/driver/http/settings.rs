//! How a hook is reached over HTTP.

use std::path::PathBuf;

use crate::driver::EndpointSettings;

/// How a hook is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where it is.
    pub endpoint: EndpointSettings,
    /// Files with the secrets that requests are signed with, one each: while they change there are two. Read at each
    /// use, so that a new one counts at once.
    pub secret_files: Vec<PathBuf>,
}
