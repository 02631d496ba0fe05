//! server_tasks.

use ::domain::{
    calendar::{moment_text, parse_digits},
    field::Field,
    tasks::{Operation, TaskId},
};
use futures_util::{FutureExt, future::LocalBoxFuture};
use gateway_http::reply::{Map, Reply};
use secrecy::ExposeSecret;
use store::{
    Conn, Realm,
    servers::{ServerTask, ServerTaskFilter, server_tasks},
};

use super::super::count::{COUNT, count};
use crate::{
    command::{Call, Effect, Failure, FieldSpec, Iv, Need, Reading, ReplyField, SERVER_ID, Shape, Spec},
    fault::Fault,
};

/// Lists what is and was done to a server.
pub struct ServerTasks;

const TASK_ID: FieldSpec = FieldSpec {
    name: "task_id",
    about: "One task only.",
    need: Need::Optional("all tasks"),
    example: "77",
    malformed: Some(("x", Fault::Parameter("task_id"))),
    extension: false,
};

const TASK: FieldSpec = FieldSpec {
    name: "task",
    about: "Tasks of this ta_command only.",
    need: Need::Optional("all tasks"),
    example: "server_reboot",
    malformed: Some(("x", Fault::Parameter("task"))),
    extension: false,
};

static SPEC: Spec = Spec {
    name: "server_tasks",
    section: "server_tasks",
    about: "Lists what is and was done to a server, newest first.",
    effects: &[Effect::Reads],
    fields: &[SERVER_ID, TASK_ID, TASK, COUNT],
    reply: &[
        ReplyField::text("ta_id", "The task."),
        ReplyField::text("ta_activated", "When it was queued."),
        ReplyField::or_null("ta_assigned", "When a worker took it; null until then."),
        ReplyField::or_null("ta_completed", "When it was over; null until then."),
        ReplyField::text("ta_command", "What is done."),
        ReplyField::texts("ta_params", "With which parameters; never a secret."),
        ReplyField::text("ta_results", "The log so far; a new password is told here for some days."),
    ],
    faults: &[Fault::Parameter("task_id"), Fault::Parameter("task"), Fault::Parameter("count")],
};

impl Reading<Iv> for ServerTasks {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn shape(&self) -> Shape {
        Shape::List
    }

    fn answer<'a>(
        &'a self,
        call: &'a Call<'a>,
        realm: &'a Realm,
        connection: &'a mut Conn,
    ) -> LocalBoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let id = Field::read(call.text(&TASK_ID), |text| parse_digits(text).map(TaskId));
            if id == Field::Malformed {
                return Err(Fault::Parameter(TASK_ID.name).into());
            }
            let command = Field::read(call.text(&TASK), |text| text.parse::<Operation>().ok());
            if command == Field::Malformed {
                return Err(Fault::Parameter(TASK.name).into());
            }
            let filter = ServerTaskFilter {
                order: call.order()?,
                id: id.given().copied(),
                command: command.given().map(|operation| operation.name()),
                count: count(call)?,
            };
            let tasks = server_tasks(connection, realm, filter).await?;
            Ok(tasks.iter().map(|task| shown(task, realm)).collect::<Vec<_>>().into())
        }
        .boxed_local()
    }
}

fn shown(task: &ServerTask, realm: &Realm) -> Reply {
    let moment = |at: jiff::Timestamp| moment_text(at, &realm.rules().zone);
    let mut results = task.log.clone();
    if let Some(password) = &task.password {
        results.push_str("password: ");
        results.push_str(password.expose_secret());
        results.push('\n');
    }
    Map::new()
        .with("ta_id", task.id.0.to_string())
        .with("ta_activated", moment(task.activated))
        .with("ta_assigned", task.assigned.map(moment))
        .with("ta_completed", task.completed.map(moment))
        .with("ta_command", task.command.as_str())
        .with("ta_params", params(&task.params))
        .with("ta_results", results)
        .into()
}

/// The parameters, as texts.
fn params(params: &serde_json::Value) -> Map {
    let mut shown = Map::new();
    for (name, value) in params.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // Names in an object are there once.
        if shown.try_push(name.clone(), text).is_err() {
            tracing::error!(name, "a task's parameter is there twice");
        }
    }
    shown
}
