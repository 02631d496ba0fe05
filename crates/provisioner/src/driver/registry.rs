//! Which driver does a task.

use std::{collections::BTreeMap, rc::Rc};

use super::{Driver, SimulatedDriver};

/// The drivers of one realm.
pub enum Drivers {
    /// Those of customers' machines, by the names that tariffs give.
    Live(BTreeMap<&'static str, Rc<dyn Driver>>),
    /// The test realm's: there is no room here for any other, whatever a tariff says (CONTRACT 1.6).
    Test(SimulatedDriver),
}

impl Drivers {
    /// The live realm's, with the drivers that there are.
    #[must_use]
    pub fn live(simulated: SimulatedDriver) -> Self {
        let simulated: Rc<dyn Driver> = Rc::new(simulated);
        Self::Live(BTreeMap::from([(SimulatedDriver::NAME, simulated)]))
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
