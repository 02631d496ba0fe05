//! Servers (CONTRACT 2.3).

mod address;
mod change;
mod domain;
mod filter;
mod graphs;
mod info;
mod os;
mod reboot;
mod recreate;
mod reset_password;
mod tasks;

use ::domain::{orders::PowerError, tasks::TaskId};
use gateway_http::reply::{Map, Reply};
use secrecy::{ExposeSecret, SecretString};
use store::servers::ServerFailure;

pub use address::{ServerMoveIp, ServerPtr};
pub use change::ServerChange;
pub use domain::ServerDomain;
pub use filter::{ServerFirewall, ServerFlushIptables};
pub use graphs::ServerGraphs;
pub use info::ServerInfo;
pub use os::ServerOs;
pub use reboot::ServerReboot;
pub use recreate::ServerRecreate;
pub use reset_password::ServerResetPassword;
pub use tasks::ServerTasks;

use crate::{
    command::{Call, Failure, FieldSpec, Need, ReplyField},
    fault::Fault,
};

/// What commands that queue a task answer.
const TASK: &[ReplyField] = &[ReplyField::text("task_id", "The task, for server_tasks.")];

/// What stands against doing anything to a server now.
const STATES: [Fault; 5] = [Fault::Unpaid, Fault::Overdue, Fault::Suspended, Fault::Undoable, Fault::TooMuch];

fn queued(task: TaskId) -> Reply {
    Map::new().with("task_id", task.0.to_string()).into()
}

const fn state(error: PowerError) -> Fault {
    match error {
        PowerError::Unsupported => Fault::Service,
        PowerError::UnpaidInvoice => Fault::Unpaid,
        PowerError::Overdue => Fault::Overdue,
        PowerError::Suspended | PowerError::Running => Fault::Suspended,
    }
}

fn failure(failure: ServerFailure) -> Failure {
    match failure {
        ServerFailure::Unknown => Fault::Service.into(),
        ServerFailure::State(error) => state(error).into(),
        ServerFailure::Undoable => Fault::Undoable.into(),
        ServerFailure::UnknownImage | ServerFailure::ImageTooLarge => Fault::Parameter("os").into(),
        ServerFailure::TooMuch => Fault::TooMuch.into(),
        ServerFailure::NotHeld => Fault::Parameter("ip").into(),
        ServerFailure::NoTarget => Fault::Service.into(),
        ServerFailure::SameServer => Fault::Parameter("target_id").into(),
        ServerFailure::Immovable => Fault::Immovable.into(),
        ServerFailure::Store(error) => error.into(),
    }
}

/// A password of the customer's own choice.
const NEW_PASSWORD: FieldSpec = FieldSpec {
    name: "new_password",
    about: "The password that the server is to have, 8 to 64 characters.",
    need: Need::Optional("a new one is made, or the one in force is kept"),
    example: "correct-horse-battery",
    malformed: Some(("short", Fault::Parameter("new_password"))),
    extension: true,
};

/// The field `new_password`: 8 to 64 characters, none of them a control character.
fn new_password<'a>(call: &'a Call<'_>) -> Result<Option<&'a SecretString>, Fault> {
    let Some(password) = call.fields.secret(NEW_PASSWORD.name) else { return Ok(None) };
    let text = password.expose_secret();
    let fits = (8..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(Some(password)) } else { Err(Fault::Parameter(NEW_PASSWORD.name)) }
}
