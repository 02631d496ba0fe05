//! What the realms' roles may do. Nothing else is allowed: neither changing tables nor reading the other realms.

use super::{RealmKind, migrate::LOCK};

/// Something that a role may do with things of one kind.
struct Grant {
    may: &'static str,
    /// `function` or `sequence`; nothing for tables.
    kind: &'static str,
    with: &'static [&'static str],
}

const fn tables(may: &'static str, with: &'static [&'static str]) -> Grant {
    Grant { may, kind: "", with }
}

const fn functions(with: &'static [&'static str]) -> Grant {
    Grant { may: "execute", kind: "function", with }
}

const fn sequences(with: &'static [&'static str]) -> Grant {
    Grant { may: "usage", kind: "sequence", with }
}

/// In every realm.
const EACH: [Grant; 10] = [
    tables(
        "insert, update",
        &[
            "customer",
            "api_key",
            "allowed_network",
            "saved_answer",
            "orders",
            "server",
            "invoice",
            "task",
            "task_attempt",
            "simulated_server",
            "profile",
            "sub_user",
            "address",
            "usage_reading",
            "usage_rollup",
            "invoice_series",
            "firewall",
            "billing_day",
        ],
    ),
    tables(
        "insert",
        &[
            "order_addon",
            "invoice_line",
            "service_period",
            "credit_note",
            "credit_note_line",
            "task_callback",
            "payment",
            "billing_release",
            "tariff_change",
        ],
    ),
    tables("insert, update, delete", &["payment_refusal"]),
    // Looking for a token locks it, which takes the right to update.
    tables("insert, update, delete", &["webhook", "webhook_old_secret", "commit_token"]),
    tables("update, delete", &["notice"]),
    tables("update (series, number)", &["credit_note"]),
    tables("update", &["billing_run"]),
    tables(
        "delete",
        &[
            "allowed_network",
            "saved_answer",
            "address",
            "usage_reading",
            "usage_rollup",
            "order_addon",
            // Tries that only waited are joined.
            "task_attempt",
        ],
    ),
    sequences(&["invoice_id_seq", "tariff_change_id", "task_fence"]),
    functions(&["realm_now", "tell", "tell_staff", "facts_of_order"]),
];

/// Nothing is charged in test realms because their roles can't.
const LIVE: [Grant; 6] = [
    functions(&["post", "open_account", "lock_wallets"]),
    sequences(&["movement_id"]),
    tables("insert", &["sealed_entry", "statement_key"]),
    tables("update (retired_at)", &["statement_key"]),
    tables("insert (id, customer_id, currency, amount, expires_on, reason)", &["bonus_grant"]),
    tables("insert, update, delete", &["own_realm"]),
];

/// Test realms move their clocks, and are swept.
const TEST: [Grant; 2] = [
    tables("update (ahead_seconds)", &["clock"]),
    tables(
        "delete",
        &[
            "orders",
            "order_addon",
            "service_period",
            "server",
            "invoice",
            "invoice_line",
            "credit_note",
            "credit_note_line",
            "task",
            "simulated_server",
            "firewall",
            "tariff_change",
        ],
    ),
];

/// What gives the role of a realm of that kind what it may do in its schema.
pub(super) fn grants(kind: RealmKind, schema: &str, role: &str) -> String {
    let own: &[Grant] = match kind {
        RealmKind::Live => &LIVE,
        RealmKind::Test => &TEST,
    };
    let given: String = EACH.iter().chain(own).map(|grant| given(grant, schema, role)).collect();
    format!(
        "begin; select pg_advisory_xact_lock({LOCK}); \
         revoke all on schema {schema} from public; \
         revoke execute on all functions in schema {schema} from public; \
         grant usage on schema catalogue, {schema} to \"{role}\"; \
         grant select on all tables in schema catalogue, {schema} to \"{role}\"; \
         {given}commit"
    )
}

fn given(Grant { may, kind, with }: &Grant, schema: &str, role: &str) -> String {
    let with: Vec<String> = with.iter().map(|name| format!("{schema}.{name}")).collect();
    format!("grant {may} on {kind} {} to \"{role}\"; ", with.join(", "))
}
