//! `vartai task`

use clap::{Args, Subcommand};
use domain::tasks::TaskId;
use serde_json::{Value, json};
use store::{
    RealmKind,
    tasks::{self, AttemptRow, Cancelled, TaskFilter, TaskRow},
};

use super::{
    realm::RealmOption,
    report::{Report, listing, or_null, table},
};
use crate::{failure::Failure, installation::Installation};

/// Arguments of `vartai task`.
#[derive(Debug, Args)]
pub struct TaskArguments {
    #[command(flatten)]
    realm: RealmOption,
    #[command(subcommand)]
    command: TaskCommand,
}

/// What to do with tasks.
#[derive(Debug, Subcommand)]
enum TaskCommand {
    /// List tasks, newest first
    List {
        /// Of this order only
        #[arg(long, value_name = "ID")]
        order: Option<i64>,
        /// Those that wait for staff only: the same as --state manual
        #[arg(long, conflicts_with = "state")]
        manual: bool,
        /// In this state only
        #[arg(long, value_parser = ["queued", "running", "succeeded", "failed", "cancelled", "manual"])]
        state: Option<String>,
        /// So many at the most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
    /// Show a task
    Show {
        /// The task
        id: i64,
    },
    /// Queue a task that waits for staff: its tries failed, or the budget of destructive operations held it
    #[command(visible_alias = "release")]
    Retry {
        /// The task
        id: i64,
    },
    /// Cancel a task: what was paid for it is returned; a worker that has it is told to let go of it
    Cancel {
        /// The task
        id: i64,
    },
    /// Print what a task's work said so far
    Log {
        /// The task
        id: i64,
    },
}

/// Does it.
pub async fn run(arguments: TaskArguments, installation: &Installation) -> Result<Report, Failure> {
    let kind = arguments.realm.kind();
    match arguments.command {
        TaskCommand::List { order, manual, state, limit } => {
            let state = if manual { Some("manual".to_owned()) } else { state };
            let all = read(kind, &TaskFilter { id: None, order, state, most: limit }, installation).await?;
            Ok(Report::new(rows(&all, installation), all.iter().map(json_of).collect()))
        }
        TaskCommand::Show { id } => show(kind, id, installation).await,
        TaskCommand::Retry { id } => {
            let retrying = async |tx: &mut store::Tx| tasks::retry(tx, TaskId(id)).await;
            installation.realm(kind).transaction("retry task", retrying).await?;
            show(kind, id, installation).await
        }
        TaskCommand::Cancel { id } => {
            let cancelling = async |tx: &mut store::Tx| tasks::cancel(tx, TaskId(id)).await;
            let cancelled = installation.realm(kind).transaction("cancel task", cancelling).await?;
            let report = show(kind, id, installation).await?;
            Ok(match cancelled {
                Cancelled::Done => report,
                Cancelled::Asked => report.with_note("a worker has it, and is told within seconds to let go of it"),
                Cancelled::ToBeSeen => {
                    report.with_note("it may be so already: a worker looks, and it is cancelled unless it is done")
                }
            })
        }
        TaskCommand::Log { id } => {
            let task = one(kind, id, installation).await?;
            let tries = tries(kind, id, installation).await?;
            let text = format!("{}{}", task.results, try_rows(&tries, installation));
            let tries: Value = tries.iter().map(json_of_try).collect();
            Ok(Report::new(text, json!({ "id": id, "state": task.state, "log": task.results, "tries": tries })))
        }
    }
}

/// Tasks of a realm, newest first.
///
/// # Errors
/// The database's.
pub async fn read(kind: RealmKind, filter: &TaskFilter, installation: &Installation) -> Result<Vec<TaskRow>, Failure> {
    Ok(installation.realm(kind).read(async |connection| tasks::list(connection, filter).await).await?)
}

async fn one(kind: RealmKind, id: i64, installation: &Installation) -> Result<TaskRow, Failure> {
    let filter = TaskFilter { id: Some(TaskId(id)), most: 1, ..TaskFilter::default() };
    let found = read(kind, &filter, installation).await?.into_iter().next();
    found.ok_or_else(|| Failure::failed(format!("there is no task {id}")))
}

async fn show(kind: RealmKind, id: i64, installation: &Installation) -> Result<Report, Failure> {
    let task = one(kind, id, installation).await?;
    let moment = |at: Option<jiff::Timestamp>| at.map(|at| installation.moment(at)).unwrap_or_default();
    let text = listing(&[
        ("id", task.id.to_string()),
        ("order", task.order_id.to_string()),
        ("operation", task.operation.clone()),
        ("state", task.state.clone()),
        ("attempts", task.attempt.to_string()),
        ("waits for task", task.after.map(|id| id.to_string()).unwrap_or_default()),
        ("queued", installation.moment(task.created_at)),
        ("taken", moment(task.assigned_at)),
        ("over", moment(task.completed_at)),
    ]);
    let tries = tries(kind, id, installation).await?;
    let mut json = json_of(&task);
    if let Some(fields) = json.as_object_mut() {
        fields.insert("tries".to_owned(), tries.iter().map(json_of_try).collect());
    }
    Ok(Report::new(format!("{text}{}", try_rows(&tries, installation)), json))
}

async fn tries(kind: RealmKind, id: i64, installation: &Installation) -> Result<Vec<AttemptRow>, Failure> {
    Ok(installation.realm(kind).read(async |connection| tasks::attempts(connection, TaskId(id)).await).await?)
}

/// A task's tries as a table.
fn try_rows(all: &[AttemptRow], installation: &Installation) -> String {
    let rows: Vec<[String; 7]> = all
        .iter()
        .map(|of| {
            [
                of.attempt.to_string(),
                of.worker.to_string(),
                installation.moment(of.started_at),
                of.ended_at.map(|at| installation.moment(at)).unwrap_or_default(),
                of.outcome.clone().unwrap_or_else(|| "under way".to_owned()),
                of.class.clone().unwrap_or_default(),
                of.detail.clone(),
            ]
        })
        .collect();
    table(["TRY", "WORKER", "FROM", "UNTIL", "OUTCOME", "CLASS", "DETAIL"], &rows, "no tries")
}

fn json_of_try(of: &AttemptRow) -> Value {
    json!({
        "attempt": of.attempt, "fence": of.fence, "worker": of.worker.to_string(),
        "started": of.started_at.to_string(), "ended": or_null(of.ended_at), "outcome": of.outcome,
        "class": of.class, "driver": of.driver, "detail": of.detail,
    })
}

/// Tasks as a table.
pub fn rows(all: &[TaskRow], installation: &Installation) -> String {
    let rows: Vec<[String; 7]> = all
        .iter()
        .map(|task| {
            [
                task.id.to_string(),
                task.order_id.to_string(),
                task.operation.clone(),
                task.state.clone(),
                task.attempt.to_string(),
                installation.moment(task.created_at),
                task.completed_at.map(|at| installation.moment(at)).unwrap_or_default(),
            ]
        })
        .collect();
    table(["ID", "ORDER", "OPERATION", "STATE", "ATTEMPTS", "QUEUED", "OVER"], &rows, "no tasks")
}

/// A task as JSON; what its work said is in `vartai task log` alone.
pub fn json_of(of: &TaskRow) -> Value {
    json!({
        "id": of.id, "order_id": of.order_id, "operation": of.operation, "state": of.state, "attempts": of.attempt, "after": of.after,
        "created": of.created_at.to_string(), "assigned": or_null(of.assigned_at), "completed": or_null(of.completed_at),
    })
}
