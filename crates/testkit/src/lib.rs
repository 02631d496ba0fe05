//! For tests only: a database per test, builders, a running gateway.
