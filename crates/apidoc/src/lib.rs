//! The reference page, generated from the command registries.
