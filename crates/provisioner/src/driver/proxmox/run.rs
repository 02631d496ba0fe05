//! Doing one step.

use std::{cmp::Reverse, time::Duration};

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::{self, Instant};

use super::{
    api::{Api, Form},
    fault::Fault,
    look::{Seen, Slot, Vm, resources},
    plan::{Action, Kind},
};

/// A command inside a machine is asked after so often,
const COMMAND_POLL: Duration = Duration::from_millis(500);
/// and has so long.
const COMMAND: Duration = Duration::from_secs(30);

/// What a step needs beside itself.
pub(super) struct Means<'a> {
    pub api: &'a Api,
    pub image: Option<&'a str>,
    pub password: Option<&'a SecretString>,
    pub until: Instant,
}

impl Means<'_> {
    /// Does it, or begins it: then the number of the work is told.
    pub(super) async fn perform(&self, action: &Action, seen: &Seen) -> Result<Option<String>, Fault> {
        let mut form: Vec<(&str, String)> =
            action.set.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        if action.kind == Kind::Clone {
            return self.copy_template(action.vmid, form).await;
        }
        let vm = seen.slots.iter().find_map(|(vmid, slot)| match slot {
            Slot::Ours(vm) if *vmid == action.vmid => Some(vm),
            Slot::Ours(_) | Slot::Free | Slot::BeingMade | Slot::Foreign => None,
        });
        let Some(vm) = vm else { return Err(Fault::Gone) };
        let settings = self.api.settings();
        let (post, put) = (Method::POST, Method::PUT);
        let seconds = ("timeout", settings.shutdown.as_secs().to_string());
        match action.kind {
            Kind::Clone | Kind::Boot => Ok(None),
            Kind::Take | Kind::Keep | Kind::Size | Kind::Make | Kind::Unlock => {
                if matches!(action.kind, Kind::Make | Kind::Unlock) {
                    form.extend(self.password.map(|password| ("cipassword", password.expose_secret().to_owned())));
                }
                // Who has changed it since it was looked at was quicker, and may have had a newer task.
                form.extend(vm.setting("digest").map(|digest| ("digest", digest.to_owned())));
                self.change(post, vm, "config", &form).await
            }
            Kind::Grow => {
                form.push(("disk", settings.disk.clone()));
                self.change(put, vm, "resize", &form).await
            }
            Kind::Start => self.change(post, vm, "status/start", &[]).await,
            Kind::Stop => self.change(post, vm, "status/stop", &[]).await,
            Kind::Reboot => self.change(post, vm, "status/reboot", &[seconds]).await,
            Kind::Shutdown => self.change(post, vm, "status/shutdown", &[seconds, ("forceStop", "1".to_owned())]).await,
            Kind::Destroy => {
                let form = [("purge", "1".to_owned()), ("destroy-unreferenced-disks", "0".to_owned())];
                self.change(Method::DELETE, vm, "", &form).await
            }
            Kind::Password => {
                let password = self.password.ok_or_else(|| Fault::SetUp("the task has no password".into()))?;
                form.push(("password", password.expose_secret().to_owned()));
                self.change(post, vm, "agent/set-user-password", &form).await
            }
            Kind::Name => self.set_name(vm, form).await,
        }
    }

    async fn change(&self, method: Method, vm: &Vm, below: &str, form: Form<'_>) -> Result<Option<String>, Fault> {
        self.api.change(method, vm.path(below).trim_end_matches('/'), form, self.until).await
    }

    async fn copy_template(&self, vmid: u32, mut form: Vec<(&str, String)>) -> Result<Option<String>, Fault> {
        let settings = self.api.settings();
        let image = self.image.ok_or_else(|| Fault::SetUp("the order has no image".into()))?;
        let template = settings.templates.get(image);
        let template = template.ok_or_else(|| Fault::SetUp(format!("no template is set up for image {image}")))?;
        let all = resources(self.api, self.until).await?;
        let found = all.iter().find(|resource| resource.vmid == *template && resource.is_template());
        let found = found.ok_or_else(|| Fault::SetUp(format!("the template of image {image} is not there")))?;
        let node = &found.node;
        let target = self.roomiest_node().await?.filter(|target| target != node);
        form.extend([("newid", vmid.to_string()), ("full", "1".to_owned())]);
        form.extend(settings.storage.clone().map(|storage| ("storage", storage)));
        form.extend(settings.pool.clone().map(|pool| ("pool", pool)));
        form.extend(target.map(|target| ("target", target)));
        let path = format!("nodes/{node}/qemu/{template}/clone");
        self.api.change(Method::POST, &path, &form, self.until).await
    }

    /// Of the nodes that are set up for new machines, the one with the most free memory.
    async fn roomiest_node(&self) -> Result<Option<String>, Fault> {
        #[derive(Deserialize)]
        struct Node {
            node: String,
            status: String,
            mem: Option<u64>,
            maxmem: Option<u64>,
        }
        let wanted = &self.api.settings().nodes;
        if wanted.is_empty() {
            return Ok(None);
        }
        let nodes: Vec<Node> = self.api.get("nodes", &[], self.until).await?;
        let online = nodes.into_iter().filter(|node| node.status == "online" && wanted.contains(&node.node));
        let free = |node: &Node| node.maxmem.unwrap_or_default().saturating_sub(node.mem.unwrap_or_default());
        let roomiest = online.min_by_key(|node| (Reverse(free(node)), node.node.clone()));
        let none = || Fault::NotDone("no node for new machines is there".into(), None);
        roomiest.map(|node| Some(node.node)).ok_or_else(none)
    }

    async fn set_name(&self, vm: &Vm, form: Vec<(&str, String)>) -> Result<Option<String>, Fault> {
        #[derive(Deserialize)]
        struct Exited {
            exited: u8,
            exitcode: Option<i64>,
        }
        let name = form.into_iter().map(|(_, name)| name).next().unwrap_or_default();
        let command = ["hostnamectl", "set-hostname", &name].map(|word| ("command", word.to_owned()));
        let begun = self.api.call(Method::POST, &vm.path("agent/exec"), &command, self.until).await?;
        let pid = begun.get("pid").cloned().unwrap_or_default();
        let until = self.until.min(Instant::now() + COMMAND);
        while Instant::now() < until {
            let ask = [("pid", pid.to_string())];
            let Exited { exited, exitcode } = self.api.get(&vm.path("agent/exec-status"), &ask, until).await?;
            match (exited, exitcode) {
                (0, _) => time::sleep(COMMAND_POLL).await,
                (_, Some(0)) => return Ok(None),
                (_, code) => {
                    tracing::warn!(vmid = vm.vmid, ?code, "hostnamectl failed");
                    return Err(Fault::Refused("the machine's system does not take the name".into()));
                }
            }
        }
        Err(Fault::Unknown("the machine's system did not take the name in time".into()))
    }
}
