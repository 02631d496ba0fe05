//! What an order's server is to be made of.

use crate::{
    billing::Selection,
    catalogue::{Catalogue, ImageId, Tariff},
};

/// A server as it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSpec {
    /// Processor, in GHz.
    pub cpu_ghz: u32,
    /// Memory, in MB.
    pub ram_mb: u32,
    /// Disk, in GB.
    pub disk_gb: u32,
    /// Bandwidth, in Mbps.
    pub bandwidth_mbps: u32,
    /// The image on it.
    pub image: Option<ImageId>,
}

impl ServerSpec {
    /// The tariff's plan with the effects of the addons; the image is the last addon's that chooses one, else the
    /// tariff's first. `None` for a tariff without a plan.
    #[must_use]
    pub fn of(tariff: &Tariff, addons: &[Selection], catalogue: &Catalogue) -> Option<Self> {
        let plan = tariff.plan?;
        let mut spec = Self {
            cpu_ghz: plan.cpu_ghz.base,
            ram_mb: plan.ram_mb.base,
            disk_gb: plan.disk_gb.base,
            bandwidth_mbps: plan.bandwidth_mbps.base,
            image: tariff.images.first().cloned(),
        };
        for chosen in addons {
            let Some(addon) = catalogue.addon(chosen.addon) else { continue };
            let add = |size: u32, each: u32| size.saturating_add(each.saturating_mul(chosen.quantity));
            spec.ram_mb = add(spec.ram_mb, addon.effect.ram_mb);
            spec.disk_gb = add(spec.disk_gb, addon.effect.disk_gb);
            spec.bandwidth_mbps = add(spec.bandwidth_mbps, addon.effect.bandwidth_mbps);
            if let Some(image) = &addon.effect.image {
                spec.image = Some(image.clone());
            }
        }
        Some(spec)
    }
}
