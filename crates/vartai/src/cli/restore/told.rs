//! What is told of a restore: what it lacks, and what to do next.

use serde_json::json;
use store::backup::Since;

use super::Restored;
use crate::{backup::Manifest, cli::report::Report};

/// What is told.
pub fn told(restored: &Restored, manifest: Option<&Manifest>) -> Report {
    let Restored { moment, findings, lost, aside } = restored;
    let mut text = format!("restored as of {moment}");
    if let Some(newest) = manifest.and_then(|manifest| manifest.contents.newest.get("live")) {
        let number = |id: Option<i64>| id.map_or("none".to_owned(), |id| id.to_string());
        let (order, journal) = (number(newest.order), number(newest.journal));
        text.push_str(&format!(": last order {order}, last journal {journal}, {} tasks open", newest.open_tasks));
    }
    text.push('\n');
    match lost {
        None => {
            text.push_str("what was ordered, paid and changed since is not in it; nothing here knows what that was\n")
        }
        Some(Err(why)) => {
            text.push_str(&format!("what it lacks is not known, the replaced database can't be asked: {why}\n"))
        }
        Some(Ok(since)) => text.push_str(&of_lost(since)),
    }
    if let Some(aside) = aside {
        text.push_str(&format!(
            "what was there before is kept in {}: remove it when nobody needs it\n",
            aside.display()
        ));
    }
    text.push_str(
        "before workers run: compare the hypervisors with `vartai order list` and `vartai task list`: machines made \
         since have no order, removed ones are still in it, and open tasks will be done again\n\
         then: vartai doctor; a private cluster needs a new base backup (vartai backup base)\n",
    );
    let rows: Vec<_> = findings.iter().map(|found| json!({ "invariant": found.invariant, "row": found.row })).collect();
    let known = lost.as_ref().and_then(|lost| lost.as_ref().ok());
    let json = json!({
        "moment": moment, "ok": findings.is_empty(), "findings": rows, "lost": known,
        "set_aside": aside.as_ref().map(|path| path.display().to_string()),
    });
    for found in findings {
        text.push_str(&format!("{}\n    broken by {}\n", found.invariant, found.row));
    }
    let report = Report::new(text, json);
    match findings.len() {
        0 => report,
        many => report.with_problem(format!("it is restored, and {many} rows break an invariant of the books")),
    }
}

fn of_lost(since: &Since) -> String {
    let mut text = format!(
        "the replaced database had since: {} orders, {} journals, {} tasks\n",
        since.orders, since.journals, since.tasks
    );
    for line in since.named_orders.iter().chain(&since.named_tasks) {
        text.push_str(&format!("    {line}\n"));
    }
    text
}
