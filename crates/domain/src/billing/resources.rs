//! What servers cost that are larger or smaller than their tariff and addons make them (CONTRACT 2.3, server_change).

use crate::{
    catalogue::{PriceError, Pricing, UnitPrices},
    money::Money,
    orders::ServerSpec,
};

/// A monthly price before rounding, in `1 / RESOURCE_SCALE` of a minor unit; negative for what was made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactMonthly(pub i128);

/// Units are of 1 GHz, 1024 MB, 10 GB and 10 Mbps, and count in proportion: 5120 is divisible by all of them.
pub const RESOURCE_SCALE: i128 = 5120;

/// What a month of `to` costs more than a month of `from`, at unit prices in the customer's currency.
///
/// # Errors
/// [`PriceError`] when a unit's price can't be had in the customer's currency.
pub fn monthly_difference(
    from: &ServerSpec,
    to: &ServerSpec,
    units: &UnitPrices,
    pricing: &Pricing<'_>,
) -> Result<ExactMonthly, PriceError> {
    let price = |unit: Money| pricing.convert(unit).map(|p| i128::from(p.price.in_minor()));
    let more = |from: u32, to: u32| i128::from(to) - i128::from(from);
    Ok(ExactMonthly(
        more(from.cpu_ghz, to.cpu_ghz) * price(units.cpu_ghz)? * RESOURCE_SCALE
            + more(from.ram_mb, to.ram_mb) * price(units.ram_1024_mb)? * (RESOURCE_SCALE / 1024)
            + more(from.disk_gb, to.disk_gb) * price(units.disk_10_gb)? * (RESOURCE_SCALE / 10)
            + more(from.bandwidth_mbps, to.bandwidth_mbps) * price(units.bandwidth_10_mbps)? * (RESOURCE_SCALE / 10),
    ))
}
