//! What a backup says of the database that it holds, read in the very snapshot that its dump is of; and what of a
//! database a backup of an earlier moment lacks.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_types};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::db::{Conn, ConnectSettings, Error, owner};

/// The schemas that a backup holds: all but scratch realms.
const SCHEMAS: &str = "n.nspname in ('catalogue', 'live', 'test') or n.nspname ~ '^own_[0-9a-f]{16}$'";
/// So many orders and tasks are named that a backup lacks.
const NAMED: i64 = 200;

const NOW: &str = "select to_json(now()) #>> '{}'";

/// What a database holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The moment of the snapshot, by the database's clock.
    pub taken_at: Timestamp,
    /// PostgreSQL's version.
    pub server_version: String,
    /// Which cluster it was, where its WAL stood, and on which timeline.
    pub position: String,
    /// The catalogue in force.
    pub catalogue_revision: Option<i64>,
    /// The newest migration of each schema.
    pub migrations: BTreeMap<String, String>,
    /// The number of rows of each table, by `schema.table`.
    pub rows: BTreeMap<String, i64>,
    /// What is newest in each realm.
    pub newest: BTreeMap<String, Newest>,
}

/// What is newest in a realm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The last order.
    pub order: Option<i64>,
    /// When it was ordered.
    pub ordered_at: Option<Timestamp>,
    /// The last journal.
    pub journal: Option<i64>,
    /// When it was written.
    pub journal_at: Option<Timestamp>,
    /// The seal of the last entry that was sealed: wallet, its entry, and the hash.
    pub seal: Option<String>,
    /// Tasks that are not over.
    pub open_tasks: i64,
}

/// A snapshot that other sessions can read from, as long as this is there.
pub struct Snapshot {
    connection: Conn,
    /// Its name for PostgreSQL.
    pub id: String,
}

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = sql_types::Text)]
    text: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = sql_types::BigInt)]
    number: i64,
}

/// A connection of the owner's whose statements take as long as they take.
async fn patient(settings: &ConnectSettings) -> Result<Conn, Error> {
    let mut connection = owner(settings, "catalogue").await?;
    let session = "set statement_timeout to 0; set lock_timeout to 0; set idle_in_transaction_session_timeout to 0";
    connection.batch_execute(session).await?;
    Ok(connection)
}

async fn text(connection: &mut Conn, query: &str) -> Result<String, Error> {
    let found: Text = diesel::sql_query(format!("select ({query})::text as text")).get_result(connection).await?;
    Ok(found.text)
}

async fn names(connection: &mut Conn, query: &str) -> Result<Vec<String>, Error> {
    let found: Vec<Text> = diesel::sql_query(query).load(connection).await?;
    Ok(found.into_iter().map(|row| row.text).collect())
}

impl Snapshot {
    /// Takes one.
    ///
    /// # Errors
    /// [`Error`] from the database.
    pub async fn take(settings: &ConnectSettings) -> Result<Self, Error> {
        let mut connection = patient(settings).await?;
        connection.batch_execute("begin isolation level repeatable read read only").await?;
        let id = text(&mut connection, "select pg_export_snapshot()").await?;
        Ok(Self { connection, id })
    }

    /// What the database holds in it.
    ///
    /// # Errors
    /// [`Error`] from the database.
    pub async fn contents(&mut self) -> Result<Contents, Error> {
        contents_of(&mut self.connection).await
    }
}

/// What a database holds.
///
/// # Errors
/// [`Error`] from the database.
pub async fn contents(settings: &ConnectSettings) -> Result<Contents, Error> {
    Snapshot::take(settings).await?.contents().await
}

/// The database's time.
///
/// # Errors
/// [`Error`] from the database.
pub async fn now(settings: &ConnectSettings) -> Result<Timestamp, Error> {
    let mut connection = patient(settings).await?;
    text(&mut connection, NOW).await?.parse().map_err(Error::corrupt)
}

/// What the server says of its archiving.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Archiver {
    /// The last piece of WAL that it has archived.
    #[diesel(sql_type = sql_types::Nullable<sql_types::Text>)]
    pub last: Option<String>,
    /// Whether its last try failed.
    #[diesel(sql_type = sql_types::Bool)]
    pub is_failing: bool,
}

/// What the server says of its archiving.
///
/// # Errors
/// [`Error`] from the database.
pub async fn archiver(settings: &ConnectSettings) -> Result<Archiver, Error> {
    let mut connection = owner(settings, "catalogue").await?;
    let query = "select last_archived_wal as last, \
         coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) as is_failing from pg_stat_archiver";
    Ok(diesel::sql_query(query).get_result(&mut connection).await?)
}

/// How far a recovery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The server replays WAL.
    UnderWay,
    /// It takes writes.
    Over,
}

/// How far a server's recovery is.
///
/// # Errors
/// [`Error`] while it takes no connections.
pub async fn recovery(settings: &ConnectSettings) -> Result<Recovery, Error> {
    let mut connection = owner(settings, "catalogue").await?;
    let under_way = text(&mut connection, "select pg_is_in_recovery()").await?;
    Ok(if under_way == "true" { Recovery::UnderWay } else { Recovery::Over })
}

/// Takes what a recovery needed out of the settings that `ALTER SYSTEM` writes.
///
/// # Errors
/// [`Error`] from the database.
pub async fn end_recovery(settings: &ConnectSettings) -> Result<(), Error> {
    let mut connection = patient(settings).await?;
    for name in ["restore_command", "recovery_target_time", "recovery_target_action"] {
        connection.batch_execute(&format!("alter system reset {name}")).await?;
    }
    connection.batch_execute("checkpoint").await?;
    Ok(())
}

/// Whether nothing of an installation is in a database.
///
/// # Errors
/// [`Error`] from the database.
pub async fn is_empty(settings: &ConnectSettings) -> Result<bool, Error> {
    let mut connection = patient(settings).await?;
    let query = format!("select count(*) as number from pg_namespace n where {SCHEMAS}");
    let found: Number = diesel::sql_query(query).get_result(&mut connection).await?;
    Ok(found.number == 0)
}

async fn contents_of(connection: &mut Conn) -> Result<Contents, Error> {
    let schemas = format!("select n.nspname::text as text from pg_namespace n where {SCHEMAS} order by 1");
    let schemas = names(connection, &schemas).await?;
    let (mut migrations, mut newest) = (BTreeMap::new(), BTreeMap::new());
    for schema in &schemas {
        let last = format!("select max(version) from {schema}.__diesel_schema_migrations");
        migrations.insert(schema.clone(), text(connection, &last).await?);
        if schema != "catalogue" {
            newest.insert(schema.clone(), newest_of(connection, schema).await?);
        }
    }
    let position = "select format('system %s, timeline %s, WAL %s', (select system_identifier from pg_control_system()), \
         (select timeline_id from pg_control_checkpoint()), pg_current_wal_lsn())";
    let revision = text(connection, "select coalesce((select max(id) from catalogue.revision)::text, '')").await?;
    Ok(Contents {
        taken_at: text(connection, NOW).await?.parse().map_err(Error::corrupt)?,
        server_version: text(connection, "select current_setting('server_version')").await?,
        position: text(connection, position).await?,
        catalogue_revision: revision.parse().ok(),
        migrations,
        rows: rows(connection).await?,
        newest,
    })
}

async fn rows(connection: &mut Conn) -> Result<BTreeMap<String, i64>, Error> {
    let tables = format!(
        "select format('%I.%I', n.nspname, c.relname) as text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where c.relkind = 'r' and ({SCHEMAS}) order by 1"
    );
    let mut rows = BTreeMap::new();
    for table in names(connection, &tables).await? {
        let query = format!("select count(*) as number from {table}");
        let Number { number } = diesel::sql_query(query).get_result(connection).await?;
        rows.insert(table, number);
    }
    Ok(rows)
}

async fn newest_of(connection: &mut Conn, schema: &str) -> Result<Newest, Error> {
    let query = format!(
        "select jsonb_build_object( \
           'order', o.id, 'ordered_at', o.created_at, 'journal', j.id, 'journal_at', j.created_at, \
           'seal', (select format('wallet %s, entry %s, %s', account_id, account_version, encode(hash, 'hex')) \
             from {schema}.sealed_entry order by sealed_at desc, account_id, account_version desc limit 1), \
           'open_tasks', (select count(*) from {schema}.task where state in ('queued', 'running', 'manual'))) \
         from (select) one left join (select id, created_at from {schema}.orders order by id desc limit 1) o on true \
         left join (select id, created_at from {schema}.journal order by id desc limit 1) j on true"
    );
    serde_json::from_str(&text(connection, &query).await?).map_err(Error::corrupt)
}

/// What the live realm has since a moment: a restore to that moment lacks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Since {
    /// How many orders were placed.
    pub orders: i64,
    /// The first of them: number and customer.
    pub named_orders: Vec<String>,
    /// How many journals were written.
    pub journals: i64,
    /// How many tasks were queued, taken or ended.
    pub tasks: i64,
    /// The first of them: what may be another on the hypervisors than the restored database knows.
    pub named_tasks: Vec<String>,
}

/// What the live realm has since a moment.
///
/// # Errors
/// [`Error`] from the database.
pub async fn since(settings: &ConnectSettings, moment: Timestamp) -> Result<Since, Error> {
    let mut connection = patient(settings).await?;
    let moment = format!("'{moment}'::timestamptz");
    let mut count = async |what: &str| {
        let query = format!("select count(*) as number from live.{what}");
        let found: Number = diesel::sql_query(query).get_result(&mut connection).await?;
        Ok::<_, Error>(found.number)
    };
    let tasks = format!("task t where greatest(t.created_at, t.assigned_at, t.completed_at) > {moment}");
    let (orders, journals) =
        (format!("orders o where o.created_at > {moment}"), format!("journal where created_at > {moment}"));
    let (ordered, posted, worked) = (count(&orders).await?, count(&journals).await?, count(&tasks).await?);
    let named_orders = format!(
        "select format('order %s of %s (%s)', o.id, (select login from live.customer c where c.id = o.customer_id), o.state) \
         as text from live.{orders} order by o.id limit {NAMED}"
    );
    let named_tasks = format!(
        "select format('task %s of order %s: %s, %s', t.id, t.order_id, t.operation, t.state) as text from live.{tasks} \
         order by t.id limit {NAMED}"
    );
    Ok(Since {
        orders: ordered,
        named_orders: names(&mut connection, &named_orders).await?,
        journals: posted,
        tasks: worked,
        named_tasks: names(&mut connection, &named_tasks).await?,
    })
}

impl Contents {
    /// Where another's rows are not as many: what a restore lost or made.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let tables: std::collections::BTreeSet<&String> = self.rows.keys().chain(other.rows.keys()).collect();
        let count = |of: &Self, table: &String| of.rows.get(table).copied();
        let told = |rows: Option<i64>| rows.map_or("no table".to_owned(), |rows| format!("{rows} rows"));
        let differ = tables.into_iter().filter(|table| count(self, table) != count(other, table));
        let rows =
            differ.map(|table| format!("{table}: {}, now {}", told(count(self, table)), told(count(other, table))));
        let realms = self.newest.iter().filter(|(realm, newest)| other.newest.get(*realm) != Some(newest));
        rows.chain(realms.map(|(realm, _)| format!("{realm}: another last order, journal or seal"))).collect()
    }
}
