//! A server's tasks, as its customer sees them.

use diesel::{ExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::RunQueryDsl;
use domain::{orders::OrderId, tasks::TaskId};
use secrecy::SecretString;

use crate::{
    Realm,
    db::{Conn, Error},
    schema::task,
    tasks::open_secret,
};

/// Which tasks.
#[derive(Debug, Clone, Copy)]
pub struct ServerTaskFilter<'a> {
    /// Of this server.
    pub order: OrderId,
    /// This one only.
    pub id: Option<TaskId>,
    /// Of this `ta_command` only.
    pub command: Option<&'a str>,
    /// So many at the most.
    pub count: i64,
}

/// A task.
#[derive(Debug)]
pub struct ServerTask {
    /// ta_id.
    pub id: TaskId,
    /// ta_activated.
    pub activated: jiff::Timestamp,
    /// ta_assigned.
    pub assigned: Option<jiff::Timestamp>,
    /// ta_completed.
    pub completed: Option<jiff::Timestamp>,
    /// ta_command.
    pub command: String,
    /// ta_params.
    pub params: serde_json::Value,
    /// The log so far.
    pub log: String,
    /// The password that the task set, once it has and while it is kept.
    pub password: Option<SecretString>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = task)]
struct Row {
    id: i64,
    operation: String,
    params: serde_json::Value,
    state: String,
    results: String,
    secret: Option<Vec<u8>>,
    #[diesel(deserialize_as = jiff_diesel::Timestamp)]
    created_at: jiff::Timestamp,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    assigned_at: Option<jiff::Timestamp>,
    #[diesel(deserialize_as = jiff_diesel::NullableTimestamp)]
    completed_at: Option<jiff::Timestamp>,
}

/// A server's tasks, newest first.
///
/// # Errors
/// [`Error`] from the database; [`Error::Corrupt`] when a secret does not open.
pub async fn server_tasks(
    connection: &mut Conn,
    realm: &Realm,
    filter: ServerTaskFilter<'_>,
) -> Result<Vec<ServerTask>, Error> {
    let mut query = task::table
        .filter(task::order_id.eq(filter.order.0))
        .order(task::id.desc())
        .limit(filter.count)
        .select(Row::as_select())
        .into_boxed();
    if let Some(id) = filter.id {
        query = query.filter(task::id.eq(id.0));
    }
    if let Some(command) = filter.command {
        query = query.filter(task::operation.eq(command.to_owned()));
    }
    let rows: Vec<Row> = query.load(connection).await?;
    rows.into_iter().map(|row| shown(row, realm)).collect()
}

fn shown(row: Row, realm: &Realm) -> Result<ServerTask, Error> {
    let id = TaskId(row.id);
    let told = row.secret.filter(|_| row.state == "succeeded");
    let password = told.map(|sealed| open_secret(realm.keys(), realm.kind(), id, &sealed)).transpose()?;
    Ok(ServerTask {
        id,
        activated: row.created_at,
        assigned: row.assigned_at,
        completed: row.completed_at,
        command: row.operation,
        params: row.params,
        log: row.results,
        password,
    })
}
