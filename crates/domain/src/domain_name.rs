//! Domain names as orders carry them.
