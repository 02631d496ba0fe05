//! What to do next, out of what there is: each step is chosen anew, so that whoever comes goes on from wherever it stopped.

use std::{collections::BTreeMap, time::Duration};

use domain::tasks::Operation;
use serde::{Deserialize, Serialize};
use store::tasks::ServerAddress;

use super::{
    fault::NOT_OURS,
    look::{Seen, Slot, Vm},
    mark::{Mark, Stage},
    settings::ProxmoxSettings,
    shape,
};
use crate::driver::{Class, MachineSize, Outcome};

/// What is being made elsewhere is looked at again after this.
const MADE_ELSEWHERE: Duration = Duration::from_secs(30);

/// What a task wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    pub operation: Operation,
    pub task: i64,
    pub fence: i64,
    pub order: i64,
    pub generation: i32,
    pub size: Option<MachineSize>,
    pub hostname: Option<String>,
    pub login: String,
    pub password_version: i32,
    pub addresses: Vec<ServerAddress>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// This.
    Do(Action),
    /// Nothing, but wait for the new system to come up.
    Wait,
    /// Nothing: all is as it is to be, there.
    Done(String),
    /// Nothing: this is what comes of it.
    End(Outcome),
}

/// Something to do with one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub kind: Kind,
    pub vmid: u32,
    /// Settings that it is to have.
    pub set: BTreeMap<String, String>,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Copy the image's template.
    Clone,
    /// Say in its notes that a newer task has it.
    Take,
    /// Set it up as it is to be, with its password.
    Make,
    /// Say in its notes what was done.
    Keep,
    /// Give it another size, its disk aside.
    Size,
    /// Let its disk grow.
    Grow,
    /// Have it start with a password that is set then.
    Unlock,
    /// Have its system set a password.
    Password,
    /// Have its system take a name.
    Name,
    Start,
    /// Ask it to go, and switch it off if it does not.
    Shutdown,
    /// Switch it off.
    Stop,
    /// Ask it to go and come again.
    Reboot,
    /// Wait for it to come up.
    Boot,
    Destroy,
}

/// What was done last for this task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    pub kind: Kind,
    pub vmid: u32,
    /// The machine's process before that.
    pub pid: Option<u64>,
}

/// Chooses.
pub(super) struct Plan<'a> {
    pub settings: &'a ProxmoxSettings,
    pub wanted: &'a Wanted,
    pub seen: &'a Seen,
    pub last: Option<Last>,
}

impl Plan<'_> {
    pub(super) fn next(&self) -> Step {
        let step = self.refused().unwrap_or_else(|| self.chosen());
        match (&step, self.last) {
            // What was done and is to be done again had no effect.
            (Step::Do(action), Some(last)) if (action.kind, action.vmid) == (last.kind, last.vmid) => no_effect(),
            _ => step,
        }
    }

    /// What goes before anything else: whose machines these are, and whose turn it is.
    fn refused(&self) -> Option<Step> {
        let slots = || self.seen.slots.iter().map(|(_, slot)| slot);
        if slots().any(|slot| *slot == Slot::Foreign) {
            return Some(fail(Class::Refused, NOT_OURS));
        }
        if slots().any(|slot| *slot == Slot::BeingMade) {
            let (after, why) = (Some(MADE_ELSEWHERE), "a machine is being made at its number".to_owned());
            return Some(Step::End(Outcome::Retry { after, class: Class::Unavailable, why }));
        }
        let ours = self.seen.ours();
        if ours.iter().any(|vm| vm.mark.fence > self.wanted.fence) {
            let why = "the machine has had a newer task".to_owned();
            return Some(Step::End(Outcome::Retry { after: None, class: Class::Fenced, why }));
        }
        let older = ours.into_iter().find(|vm| vm.mark.fence < self.wanted.fence)?;
        Some(self.keep(Kind::Take, older, older.mark.clone(), []))
    }

    fn chosen(&self) -> Step {
        match self.wanted.operation {
            Operation::Create | Operation::Reinstall => self.make(),
            Operation::Destroy => self.destroy(),
            Operation::Suspend => self.suspend(),
            Operation::Unsuspend => self.with_one(|vm| self.unsuspend(vm)),
            Operation::Restart => self.with_one(|vm| self.restart(vm)),
            Operation::Change => self.with_one(|vm| self.change(vm)),
            Operation::ResetPassword => self.with_one(|vm| self.reset_password(vm)),
            Operation::Rename => self.with_one(|vm| self.rename(vm)),
            Operation::Ptr | Operation::FlushFilter | Operation::Firewall | Operation::MoveAddress => {
                fail(Class::Configuration, "Proxmox VE has nothing that does this")
            }
        }
    }

    fn with_one(&self, step: impl Fn(&Vm) -> Step) -> Step {
        match self.seen.ours().as_slice() {
            [] => missing(),
            [vm] => step(vm),
            _ => fail(Class::Refused, "a reinstallation was not finished: a person must look"),
        }
    }

    /// A new system is made beside the old one, which is kept until the new one has come up.
    fn make(&self) -> Step {
        let ours = self.seen.ours();
        let Some(vm) = ours.last().filter(|vm| vm.mark.generation >= self.wanted.generation) else {
            return match (ours.as_slice(), self.seen.free()) {
                // The newer one is what was left of a reinstallation that was not finished.
                ([_, newer], _) => remove(newer),
                (_, Some(vmid)) => self.clone_into(vmid),
                (_, None) => fail(Class::Refused, NOT_OURS),
            };
        };
        let old = ours.iter().find(|old| old.vmid != vm.vmid);
        if vm.mark.stage == Stage::Cloned {
            return self.set_up(vm);
        }
        if let Some(gb) = self.growth(vm) {
            return act(Kind::Grow, vm, [("size", format!("{gb}G"))]);
        }
        if !vm.alive {
            return match old {
                // They have the same addresses.
                Some(old) if old.alive => self.shut_down(old),
                _ => act(Kind::Start, vm, []),
            };
        }
        if vm.mark.stage == Stage::Made {
            let up = vm.running && (vm.agent.answers || !vm.has_agent());
            return if up {
                self.keep(Kind::Keep, vm, Mark { stage: Stage::Booted, ..vm.mark.clone() }, [])
            } else if vm.uptime > self.settings.boot.as_secs() {
                fail(Class::Unverified, "the new system does not come up")
            } else {
                Step::Wait
            };
        }
        old.map_or_else(|| Step::Done(vm.node.clone()), |old| remove(old))
    }

    fn clone_into(&self, vmid: u32) -> Step {
        let Wanted { order, generation, fence, .. } = *self.wanted;
        let (stage, suspended) = (Stage::Cloned, false);
        let mark = Mark { order, generation, fence, password: 0, stage, restarted: 0, suspended };
        let set = [("description".to_owned(), mark.text(&self.settings.mark))];
        Step::Do(Action { kind: Kind::Clone, vmid, set: set.into() })
    }

    fn set_up(&self, vm: &Vm) -> Step {
        let Some(size) = self.wanted.size else {
            return fail(Class::Configuration, "the tariff says no size of the machine");
        };
        if vm.disk_gb(&self.settings.disk).is_none_or(|gb| gb > size.disk_gb) {
            let why = "the image's disk is larger than the server's, or not there".to_owned();
            return Step::End(Outcome::Retry { after: None, class: Class::Configuration, why });
        }
        let mark = Mark { stage: Stage::Made, password: self.wanted.password_version, ..vm.mark.clone() };
        let mut set = shape::of(self.settings, vm, size);
        set.push(("ciuser", self.wanted.login.clone()));
        set.extend(self.wanted.hostname.clone().map(|name| ("name", name)));
        set.extend(shape::addresses(&self.wanted.addresses).map(|addresses| ("ipconfig0", addresses)));
        set.extend([("onboot", "1".to_owned()), ("tags", shape::tags(self.settings, vm, false))]);
        self.keep(Kind::Make, vm, mark, set)
    }

    /// The size that a disk is to grow to, if it is to.
    fn growth(&self, vm: &Vm) -> Option<u32> {
        let wanted = self.wanted.size?.disk_gb;
        vm.disk_gb(&self.settings.disk).is_some_and(|gb| gb < wanted).then_some(wanted)
    }

    fn destroy(&self) -> Step {
        self.seen.ours().first().map_or_else(|| Step::Done("the hypervisor".into()), |vm| remove(vm))
    }

    fn suspend(&self) -> Step {
        let ours = self.seen.ours();
        let Some(first) = ours.first() else { return missing() };
        if let Some(vm) = ours.iter().find(|vm| !vm.mark.suspended) {
            let set = [("onboot", "0".to_owned()), ("tags", shape::tags(self.settings, vm, true))];
            return self.keep(Kind::Keep, vm, Mark { suspended: true, ..vm.mark.clone() }, set);
        }
        match ours.iter().find(|vm| vm.alive) {
            Some(vm) => self.shut_down(vm),
            None => Step::Done(first.node.clone()),
        }
    }

    fn unsuspend(&self, vm: &Vm) -> Step {
        if vm.mark.suspended {
            let set = [("onboot", "1".to_owned()), ("tags", shape::tags(self.settings, vm, false))];
            return self.keep(Kind::Keep, vm, Mark { suspended: false, ..vm.mark.clone() }, set);
        }
        if vm.alive { Step::Done(vm.node.clone()) } else { act(Kind::Start, vm, []) }
    }

    fn restart(&self, vm: &Vm) -> Step {
        if !vm.alive {
            return act(Kind::Start, vm, []);
        }
        if vm.mark.restarted >= self.wanted.task {
            return Step::Done(vm.node.clone());
        }
        let kept = || self.keep(Kind::Keep, vm, Mark { restarted: self.wanted.task, ..vm.mark.clone() }, []);
        match self.last {
            Some(Last { kind: Kind::Reboot | Kind::Stop, pid, .. }) if pid != vm.pid => kept(),
            Some(Last { kind: Kind::Start, .. }) => kept(),
            // It was asked and has not gone.
            Some(Last { kind: Kind::Reboot, .. }) => act(Kind::Stop, vm, []),
            _ => act(Kind::Reboot, vm, []),
        }
    }

    fn change(&self, vm: &Vm) -> Step {
        let Some(size) = self.wanted.size else { return Step::Done(vm.node.clone()) };
        let last = self.last.map(|last| last.kind);
        if !vm.alive && matches!(last, Some(Kind::Reboot | Kind::Stop)) {
            return act(Kind::Start, vm, []);
        }
        if vm.disk_gb(&self.settings.disk).is_none_or(|gb| gb > size.disk_gb) {
            return fail(Class::Refused, "its disk is larger, and disks don't shrink");
        }
        if let Some(gb) = self.growth(vm) {
            return act(Kind::Grow, vm, [("size", format!("{gb}G"))]);
        }
        if shape::is(self.settings, vm, size) {
            return Step::Done(vm.node.clone());
        }
        match last {
            // Some of it waits for the next start.
            Some(Kind::Size) if vm.alive => act(Kind::Reboot, vm, []),
            Some(Kind::Reboot) if self.last.is_some_and(|last| last.pid == vm.pid) => act(Kind::Stop, vm, []),
            Some(Kind::Reboot | Kind::Start) => no_effect(),
            _ => act(Kind::Size, vm, shape::of(self.settings, vm, size)),
        }
    }

    fn reset_password(&self, vm: &Vm) -> Step {
        let version = self.wanted.password_version;
        if vm.mark.password >= version {
            return Step::Done(vm.node.clone());
        }
        if vm.alive && self.last.map(|last| last.kind) != Some(Kind::Password) {
            return act(Kind::Password, vm, [("username", self.wanted.login.clone())]);
        }
        self.keep(Kind::Unlock, vm, Mark { password: version, ..vm.mark.clone() }, [])
    }

    fn rename(&self, vm: &Vm) -> Step {
        let Some(name) = &self.wanted.hostname else { return Step::Done(vm.node.clone()) };
        if vm.alive && vm.agent.hostname.as_ref() != Some(name) {
            return act(Kind::Name, vm, [("name", name.clone())]);
        }
        if vm.setting("name") == Some(name) {
            return Step::Done(vm.node.clone());
        }
        self.keep(Kind::Keep, vm, vm.mark.clone(), [("name", name.clone())])
    }

    /// One that was asked to go and has not is switched off.
    fn shut_down(&self, vm: &Vm) -> Step {
        let asked = self.last.is_some_and(|last| (last.kind, last.vmid) == (Kind::Shutdown, vm.vmid));
        act(if asked { Kind::Stop } else { Kind::Shutdown }, vm, [])
    }

    /// Sets something, and the mark in the same call.
    fn keep(&self, kind: Kind, vm: &Vm, mark: Mark, set: impl IntoIterator<Item = (&'static str, String)>) -> Step {
        let mark = Mark { fence: self.wanted.fence, ..mark };
        let mark = ("description", mark.text(&self.settings.mark));
        act(kind, vm, set.into_iter().chain([mark]))
    }
}

fn act(kind: Kind, vm: &Vm, set: impl IntoIterator<Item = (&'static str, String)>) -> Step {
    let set = set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Step::Do(Action { kind, vmid: vm.vmid, set })
}

/// A machine of ours that is not wanted any more.
fn remove(vm: &Vm) -> Step {
    act(if vm.alive { Kind::Stop } else { Kind::Destroy }, vm, [])
}

fn fail(class: Class, why: &str) -> Step {
    Step::End(Outcome::Fail { class, why: why.to_owned() })
}

fn no_effect() -> Step {
    let why = "what the hypervisor says it did is not to be seen".to_owned();
    Step::End(Outcome::Retry { after: None, class: Class::Unverified, why })
}

fn missing() -> Step {
    fail(Class::Missing, "there is no machine")
}
