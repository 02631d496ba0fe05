//! Drivers that are reached over the network.

use std::{num::NonZeroU32, time::Duration};

use provisioner::driver::{EndpointSettings, HttpSettings, ProxmoxSettings};

use super::Section;

/// How often a Proxmox VE cluster is asked after what it has under way.
const POLL: Duration = Duration::from_secs(2);

/// `kind = "http"`
pub(super) fn http(section: Section) -> Result<HttpSettings, String> {
    let secret_files = section.secret_files.clone().unwrap_or_default();
    if secret_files.is_empty() {
        return Err("kind = \"http\" needs what its requests are signed with: secret_files = [\"/path\"]".to_owned());
    }
    Ok(HttpSettings { endpoint: endpoint(&section)?, secret_files })
}

/// `kind = "proxmox"`
pub(super) fn proxmox(section: Section) -> Result<ProxmoxSettings, String> {
    let endpoint = endpoint(&section)?;
    let needs = |key: &str| format!("kind = \"proxmox\" needs {key}: docs/proxmox.md says what it is");
    let seconds = |given: Option<NonZeroU32>, usual| Duration::from_secs(given.map_or(usual, NonZeroU32::get).into());
    let token_id = section.token_id.ok_or_else(|| needs("token_id"))?;
    if !token_id.split_once('!').is_some_and(|(user, name)| user.contains('@') && !name.is_empty()) {
        return Err(format!("token_id {token_id:?} is not USER@REALM!NAME"));
    }
    let mark = section.mark.unwrap_or_else(|| "vartai".to_owned());
    if !mark.starts_with(|c: char| c.is_ascii_lowercase())
        || !mark.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        return Err(format!("mark {mark:?} is no tag: write of a-z, 0-9 and -, a letter first"));
    }
    Ok(ProxmoxSettings {
        endpoint,
        token_id,
        token_file: section.token_file.ok_or_else(|| needs("token_file"))?,
        nodes: section.nodes.unwrap_or_default(),
        templates: section.templates.filter(|some| !some.is_empty()).ok_or_else(|| needs("templates"))?,
        storage: section.storage,
        pool: section.pool,
        vmid_base: section.vmid_base.ok_or_else(|| needs("vmid_base"))?,
        mark,
        disk: section.disk.unwrap_or_else(|| "scsi0".to_owned()),
        mhz_per_core: section.mhz_per_core.map_or(2000, NonZeroU32::get),
        shutdown: seconds(section.shutdown_seconds, 60),
        boot: seconds(section.boot_seconds, 300),
        poll: POLL,
    })
}

fn endpoint(section: &Section) -> Result<EndpointSettings, String> {
    let url = section.url.clone().ok_or("it needs its address: url = \"https://HOST/…\"")?;
    let endpoint = EndpointSettings {
        url,
        networks: section.networks.clone().unwrap_or_default(),
        ca_file: section.ca_file.clone(),
    };
    endpoint.check()?;
    Ok(endpoint)
}
