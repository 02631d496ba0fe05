mod demo;
mod generated;
mod mistakes;
mod plans;
mod round_trip;

use domain::catalogue::Catalogue;

use crate::read;

const DEMO: &str = include_str!("../../../../deploy/catalogue.demo.toml");

fn demo() -> Catalogue {
    read(DEMO).unwrap()
}
