//! The catalogue as a TOML file: read, checked, compared with what is in force.
