//! Reading the configuration, and saying what is wrong with it.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use config::{Config, ConfigError, File, FileFormat};

use super::Settings;

/// The configuration can't be read. One line that names the key and says what to do; it quotes no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(String);

/// Read where none is named: the first that is there.
const USUAL: [&str; 2] = ["vartai.toml", "/etc/vartai/vartai.toml"];
/// What names of variables begin with.
const PREFIX: &str = "VARTAI_";
/// Variables that are no settings: the file's own path, and where PostgreSQL's programs are.
const NO_SETTINGS: [&str; 2] = ["VARTAI_CONFIG", "VARTAI_PG_BIN"];
/// Keys that hold lists, which the environment writes with commas.
const LISTS: [&str; 6] = [
    "http.trusted_proxies",
    "iv.allowed_networks",
    "company.address",
    "billing.vat.rates",
    "notices.remind_days",
    "notices.webhook_networks",
];
/// The same of every driver.
const LISTS_OF_DRIVERS: [&str; 5] = [".operations", ".environment", ".networks", ".secret_files", ".nodes"];

/// Secrets, each of which can be had from a file that the same key with `_file` names.
pub(super) const SECRETS: [&str; 2] = ["database.url", "payments.callback_secret"];

impl Settings {
    /// Reads the configuration: the file (`explicit`, or the first of [`USUAL`] that is there), then the environment.
    ///
    /// # Errors
    /// [`SettingsError`] for a file that can't be read, a key that is unknown, a value that can't be.
    pub fn load(
        explicit: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let (origin, text) = match explicit {
            Some(file) => (Some(file.to_owned()), fs::read_to_string(file).map_err(|error| unreadable(file, &error))?),
            None => usual(&USUAL.map(Path::new))?,
        };
        let name = origin.as_deref().unwrap_or(Path::new("the environment")).display().to_string();
        let read = Self::of(&text, environment);
        let read = read.map_err(|SettingsError(why)| SettingsError(format!("the configuration ({name}): {why}")))?;
        Ok(Self { origin, ..read })
    }

    /// The configuration of a file's text and an environment.
    pub(super) fn of(
        text: &str,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let mut builder = Config::builder().add_source(File::from_str(text, FileFormat::Toml));
        for (key, value) in overrides(environment)? {
            let of_driver = key.starts_with("drivers.") && LISTS_OF_DRIVERS.iter().any(|list| key.ends_with(list));
            let set = match LISTS.contains(&key.as_str()) || of_driver {
                true => builder.set_override(&key, value.split(',').map(str::trim).collect::<Vec<_>>()),
                false => builder.set_override(&key, value),
            };
            builder = set.map_err(|_| SettingsError(format!("{key} can't be a key: see vartai.toml.example")))?;
        }
        let named = builder.build_cloned().map_err(|error| explain(&error))?;
        for key in SECRETS {
            if let Some(secret) = of_file(&named, key)? {
                builder = builder.set_override(key, secret).map_err(|error| explain(&error))?;
            }
        }
        let built = builder.build().map_err(|error| explain(&error))?;
        let settings: Self = built.try_deserialize().map_err(|error| explain(&error))?;
        if settings.billing.invoice_series == settings.billing.credit_note_series {
            // Each has a count of its own, without a gap.
            let why = "billing.credit_note_series: credit notes need another series than billing.invoice_series";
            return Err(SettingsError(why.to_owned()));
        }
        if settings.mail.smtp_user.is_some() != settings.mail.smtp_password_file.is_some() {
            let why = "mail.smtp_password_file: a login at the mail server needs both it and mail.smtp_user";
            return Err(SettingsError(why.to_owned()));
        }
        settings.billing.vat.rules().map_err(SettingsError)?;
        Ok(settings)
    }
}

/// A secret that a file holds, where one is named.
fn of_file(settings: &Config, key: &str) -> Result<Option<String>, SettingsError> {
    let named = format!("{key}_file");
    let file = match settings.get::<PathBuf>(&named) {
        Ok(file) => file,
        Err(ConfigError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(explain(&error)),
    };
    if settings.get::<String>(key).is_ok() {
        return Err(SettingsError(format!("{key} and {named} are both set: one of them")));
    }
    let text = fs::read_to_string(&file)
        .map_err(|error| SettingsError(format!("{named}: {} can't be read: {error}", file.display())))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    match secret.is_empty() || secret.contains(['\n', '\r']) {
        true => Err(SettingsError(format!("{named}: {} must be one line and hold nothing else", file.display()))),
        false => Ok(Some(secret.to_owned())),
    }
}

/// The first of these files that is there, and its text. One that can't be read is not taken for absent.
fn usual(files: &[&Path]) -> Result<(Option<PathBuf>, String), SettingsError> {
    for file in files {
        match fs::read_to_string(file) {
            Ok(text) => return Ok((Some((*file).to_owned()), text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(file, &error)),
        }
    }
    Ok((None, String::new()))
}

fn unreadable(file: &Path, error: &io::Error) -> SettingsError {
    SettingsError(format!("the configuration ({}) can't be read: {error}", file.display()))
}

/// The settings in the environment: `VARTAI_DATA_DIR` and `VARTAI_SECTION__KEY`. One that is empty counts as unset.
fn overrides(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, SettingsError> {
    let mut found = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        // Tests have their own.
        if NO_SETTINGS.contains(&name) || name.starts_with("VARTAI_TEST_") || value.is_empty() {
            continue;
        }
        let Some(value) = value.to_str() else {
            return Err(SettingsError(format!("{name} is not valid UTF-8")));
        };
        let key = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace("__", ".");
        if key != "data_dir" && !key.contains('.') {
            return Err(SettingsError(format!(
                "the variable {name} is no setting: it is VARTAI_SECTION__KEY, with two underscores between them"
            )));
        }
        found.push((key, value.to_owned()));
    }
    Ok(found)
}

/// What is wrong, in one line. Neither a line of the file nor a value that may be a secret is quoted.
fn explain(error: &ConfigError) -> SettingsError {
    SettingsError(match error {
        ConfigError::FileParse { cause, .. } => {
            let told = cause.to_string();
            let (place, reason) = (told.lines().next().unwrap_or_default(), told.lines().last().unwrap_or_default());
            format!("{place}: {reason}")
        }
        ConfigError::At { error, key: Some(key), .. } => format!("{key}: {}", cause(error, key)),
        ConfigError::Type { key: Some(key), .. } => format!("{key}: {}", cause(error, key)),
        other => cause(other, ""),
    })
}

fn cause(error: &ConfigError, key: &str) -> String {
    match error {
        ConfigError::Type { unexpected, expected, .. } if !key.is_empty() && !key.starts_with("database") => {
            format!("{unexpected} is not {expected}")
        }
        ConfigError::Type { expected, .. } => format!("it must be {expected}"),
        ConfigError::At { error, .. } => cause(error, key),
        // serde's own messages quote the value.
        ConfigError::Message(why) if why.starts_with("invalid ") && (key.is_empty() || key.starts_with("database")) => {
            "the value is of another kind: deploy/vartai.toml.example has all keys".to_owned()
        }
        ConfigError::Message(why) if why.contains("unknown field") => {
            format!("{why}: correct it or take it out; deploy/vartai.toml.example has all keys")
        }
        other => other.to_string(),
    }
}
