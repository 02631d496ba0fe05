//! Which driver does a task.

use std::{collections::BTreeMap, rc::Rc};

use super::{Driver, DriverKind, DriverSettings, ExecDriver, HttpDriver, ProxmoxDriver, SimulatedDriver};

/// The drivers of one realm.
pub enum Drivers {
    /// Those of customers' machines, by the names that tariffs give.
    Live(BTreeMap<String, Rc<dyn Driver>>),
    /// The test realm's: there is no room here for any other, whatever a tariff says (CONTRACT 1.6).
    Test(SimulatedDriver),
}

impl Drivers {
    /// The live realm's: the simulated one, and those that are set up.
    #[must_use]
    pub fn live(simulated: SimulatedDriver, settings: &BTreeMap<String, DriverSettings>) -> Self {
        let made = settings.iter().map(|(name, settings)| (name.clone(), made(&simulated, settings)));
        let mut drivers: BTreeMap<_, _> = made.collect();
        drivers.entry(SimulatedDriver::NAME.to_owned()).or_insert_with(|| Rc::new(simulated));
        Self::Live(drivers)
    }

    /// The driver for a tariff that names `driver`; `None` when there is none of that name.
    #[must_use]
    pub fn find(&self, driver: Option<&str>) -> Option<&dyn Driver> {
        match self {
            Self::Live(drivers) => drivers.get(driver?).map(Rc::as_ref),
            Self::Test(simulated) => Some(simulated),
        }
    }
}

fn made(simulated: &SimulatedDriver, settings: &DriverSettings) -> Rc<dyn Driver> {
    match &settings.kind {
        DriverKind::Simulated => Rc::new(simulated.clone().set_up(settings)),
        DriverKind::Exec(exec) => Rc::new(ExecDriver::new(settings, exec)),
        DriverKind::Http(http) => Rc::new(HttpDriver::new(settings, http).of_realm(simulated.realm().clone())),
        DriverKind::Proxmox(proxmox) => Rc::new(ProxmoxDriver::new(settings, proxmox)),
    }
}
