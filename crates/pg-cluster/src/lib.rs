//! A private PostgreSQL cluster in a data directory: made, started, shared and stopped by its users.
