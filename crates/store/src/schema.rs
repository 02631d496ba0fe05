//! The tables as diesel sees them. Those of a realm stand in its own schema, which the connection's search path names.

use diesel::{allow_tables_to_appear_in_same_query, table};

table! { revision (id) { id -> BigInt, document -> Jsonb, note -> Text, applied_at -> Timestamptz, } }
table! { tariff (id) { id -> BigInt, vid -> Text, } }
table! { addon (id) { id -> BigInt, } }

table! {
    customer (id) {
        id -> BigInt,
        login -> Text,
        currency -> Text,
        language -> Text,
        vat_points -> Integer,
        api_enabled -> Bool,
        disabled -> Bool,
        password_hash -> Nullable<Text>,
        credential_version -> BigInt,
        demo -> Bool,
        created_at -> Timestamptz,
        destructive_per_hour -> Nullable<Integer>,
        vat_fixed -> Bool,
    }
}
table! {
    profile (customer_id) {
        customer_id -> BigInt,
        company -> Nullable<Text>,
        name -> Nullable<Text>,
        occupation -> Nullable<Text>,
        code -> Nullable<Text>,
        vat_code -> Nullable<Text>,
        address -> Nullable<Text>,
        city -> Nullable<Text>,
        state -> Nullable<Text>,
        zip -> Nullable<Text>,
        country -> Nullable<Text>,
        phone -> Nullable<Text>,
        mobile -> Nullable<Text>,
        fax -> Nullable<Text>,
        email -> Nullable<Text>,
        bank_account -> Nullable<Text>,
        bank -> Nullable<Text>,
        bank_code -> Nullable<Text>,
    }
}
table! {
    sub_user (id) {
        id -> BigInt,
        customer_id -> BigInt,
        nick -> Text,
        description -> Text,
        password_hash -> Text,
        inactive -> Bool,
        credential_version -> BigInt,
        created_at -> Timestamptz,
    }
}
table! {
    api_key (id) {
        id -> BigInt,
        customer_id -> BigInt,
        digest -> Bytea,
        hint -> Text,
        created_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
    }
}
table! {
    allowed_network (customer_id, network) { customer_id -> BigInt, network -> Cidr, created_at -> Timestamptz, }
}
table! {
    saved_answer (customer_id, request_id) {
        customer_id -> BigInt,
        request_id -> Text,
        request_hash -> Bytea,
        answer -> Nullable<Bytea>,
        created_at -> Timestamptz,
    }
}
table! {
    orders (id) {
        id -> BigInt,
        customer_id -> BigInt,
        tariff_id -> BigInt,
        vid -> Text,
        once_only -> Bool,
        domain_ascii -> Nullable<Text>,
        domain_unicode -> Nullable<Text>,
        domain_reg -> SmallInt,
        months -> SmallInt,
        state -> Text,
        suspended_by -> Nullable<Text>,
        by_hand -> Bool,
        start_day -> Nullable<Date>,
        paid_until -> Nullable<Date>,
        anchor_day -> SmallInt,
        fixed_monthly -> Nullable<BigInt>,
        server_login -> Text,
        server_password -> Nullable<Bytea>,
        remark -> Text,
        created_at -> Timestamptz,
        terminated_at -> Nullable<Timestamptz>,
        auto_renew -> Bool,
        lapsed_on -> Nullable<Date>,
        attention -> Nullable<Text>,
        ended_state -> Nullable<Text>,
        ended_suspended_by -> Nullable<Text>,
    }
}
table! {
    order_addon (order_id, position) {
        order_id -> BigInt,
        position -> SmallInt,
        addon_id -> BigInt,
        quantity -> Integer,
    }
}
table! {
    server (order_id) {
        order_id -> BigInt,
        cpu_ghz -> Integer,
        ram_mb -> Integer,
        disk_gb -> Integer,
        bandwidth_mbps -> Integer,
        image_id -> Nullable<Text>,
        generation -> Integer,
        hostname -> Nullable<Text>,
        node -> Nullable<Text>,
        password_version -> Integer,
        firewall -> Jsonb,
    }
}
table! {
    invoice (id) {
        id -> BigInt,
        customer_id -> BigInt,
        order_id -> BigInt,
        purpose -> Text,
        months -> SmallInt,
        ahead -> Bool,
        status -> Text,
        currency -> Text,
        total -> BigInt,
        vat_points -> Integer,
        prices -> Text,
        series -> Nullable<Text>,
        number -> Nullable<BigInt>,
        created_at -> Timestamptz,
        paid_at -> Nullable<Timestamptz>,
        cancelled_at -> Nullable<Timestamptz>,
        seller -> Nullable<Jsonb>,
        buyer -> Jsonb,
        language -> Text,
        vat_ground -> Text,
        vat_country -> Nullable<Text>,
        base_currency -> Nullable<Text>,
        rate_billionths -> Nullable<BigInt>,
        rate_day -> Nullable<Date>,
    }
}
table! {
    invoice_line (invoice_id, line) {
        invoice_id -> BigInt,
        line -> SmallInt,
        item -> Text,
        item_id -> BigInt,
        title -> Text,
        quantity -> Integer,
        unit_price -> BigInt,
        months -> SmallInt,
        discount_points -> Integer,
        net -> BigInt,
        vat -> BigInt,
        gross -> BigInt,
        working -> Nullable<Jsonb>,
    }
}
table! {
    credit_note (id) {
        id -> BigInt,
        invoice_id -> BigInt,
        customer_id -> BigInt,
        cause -> Text,
        note -> Text,
        refund -> Text,
        currency -> Text,
        total -> BigInt,
        seller -> Jsonb,
        buyer -> Jsonb,
        language -> Text,
        series -> Nullable<Text>,
        number -> Nullable<BigInt>,
        created_at -> Timestamptz,
    }
}
table! {
    credit_note_line (credit_note_id, line) {
        credit_note_id -> BigInt,
        line -> SmallInt,
        net -> BigInt,
        vat -> BigInt,
        gross -> BigInt,
    }
}
table! {
    task (id) {
        id -> BigInt,
        order_id -> BigInt,
        operation -> Text,
        params -> Jsonb,
        state -> Text,
        results -> Text,
        secret -> Nullable<Bytea>,
        attempt -> Integer,
        max_attempts -> Integer,
        run_at -> Timestamptz,
        fence -> Nullable<BigInt>,
        lease_owner -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        assigned_at -> Nullable<Timestamptz>,
        completed_at -> Nullable<Timestamptz>,
        cancel_requested_at -> Nullable<Timestamptz>,
        invoice_id -> Nullable<BigInt>,
        undo -> Nullable<Jsonb>,
        after -> Nullable<BigInt>,
    }
}
table! {
    task_attempt (task_id, fence) {
        task_id -> BigInt,
        fence -> BigInt,
        attempt -> Integer,
        worker -> Uuid,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        outcome -> Nullable<Text>,
        class -> Nullable<Text>,
        driver -> Nullable<Text>,
        detail -> Text,
    }
}

table! {
    usage_reading (order_id) {
        order_id -> BigInt,
        read_at -> Timestamptz,
        counters -> Jsonb,
        sample -> Jsonb,
    }
}
table! {
    usage_rollup (order_id, resolution, starts_at) {
        order_id -> BigInt,
        resolution -> Integer,
        starts_at -> Timestamptz,
        rollup -> Jsonb,
    }
}

allow_tables_to_appear_in_same_query!(
    customer,
    api_key,
    allowed_network,
    saved_answer,
    orders,
    order_addon,
    server,
    invoice,
    invoice_line,
    task,
);
