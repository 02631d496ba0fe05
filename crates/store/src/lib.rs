//! The only SQL: schema, transactions, ledger, orders, tasks, idempotency.
