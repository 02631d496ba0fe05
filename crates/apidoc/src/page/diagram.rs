//! The lives of orders and tasks, drawn. A command's own steps are lit.

use super::{markup::escape, words::Words};

/// A state: where it is, what stands in it, and the key of its word.
struct State {
    x: u32,
    mark: &'static str,
    word: &'static str,
}

/// A step from one state to another: its name, and how it is drawn.
struct Step {
    name: &'static str,
    path: &'static str,
}

const ORDERS: [State; 4] = [
    State { x: 48, mark: "0", word: "state_0" },
    State { x: 192, mark: "3", word: "state_3" },
    State { x: 336, mark: "1", word: "state_1" },
    State { x: 480, mark: "2", word: "state_2" },
];

const ORDER_STEPS: [Step; 7] = [
    Step { name: "owed", path: "M12 62H44" },
    Step { name: "paid", path: "M8 54C8 4 216 -8 240 36" },
    Step { name: "settled", path: "M152 62H188" },
    Step { name: "made", path: "M296 62H332" },
    Step { name: "again", path: "M366 38C360 2 412 2 406 36" },
    Step { name: "suspended", path: "M440 54H476" },
    Step { name: "resumed", path: "M480 72H444" },
];

const TASKS: [State; 3] = [
    State { x: 96, mark: "ta_activated", word: "task_queued" },
    State { x: 264, mark: "ta_assigned", word: "task_running" },
    State { x: 432, mark: "ta_completed", word: "task_done" },
];

const TASK_STEPS: [Step; 4] = [
    Step { name: "queued", path: "M36 62H92" },
    Step { name: "taken", path: "M200 62H260" },
    Step { name: "done", path: "M368 62H428" },
    Step { name: "retried", path: "M304 38C290 4 166 4 152 36" },
];

/// One of the two lives.
struct Life {
    /// Its element id.
    id: &'static str,
    /// The key of its name.
    name: &'static str,
    states: &'static [State],
    steps: &'static [Step],
    /// Where it begins.
    start: u32,
}

const ORDER: Life = Life { id: "life-order", name: "life_of_order", states: &ORDERS, steps: &ORDER_STEPS, start: 8 };
const TASK: Life = Life { id: "life-task", name: "life_of_task", states: &TASKS, steps: &TASK_STEPS, start: 32 };

/// Both lives, drawn once and shown wherever they are told of.
pub(super) fn lives(w: Words<'_>) -> String {
    [ORDER, TASK].iter().map(|life| draw(w, life)).collect()
}

/// The life of an order.
pub(super) fn of_orders(w: Words<'_>, lit: &[&str]) -> String {
    show(w, &ORDER, lit)
}

/// The life of a task.
pub(super) fn of_tasks(w: Words<'_>, lit: &[&str]) -> String {
    show(w, &TASK, lit)
}

/// The life that a command moves, with its steps lit; nothing for one that moves none.
pub(super) fn of_command(w: Words<'_>, name: &str, answers_a_task: bool) -> String {
    let steps: &[&str] = match name {
        "createOrder" => &["owed", "paid", "settled", "made"],
        "renewOrder" => &["settled", "again", "resumed"],
        "suspendOrder" => &["suspended"],
        "unSuspendOrder" => &["resumed"],
        "restartOrder" | "reinstallOrder" => &["again"],
        _ if answers_a_task => &["queued", "taken", "done"],
        _ => return String::new(),
    };
    if answers_a_task { of_tasks(w, steps) } else { of_orders(w, steps) }
}

fn show(w: Words<'_>, life: &Life, lit: &[&str]) -> String {
    let on = life.steps.iter().filter(|step| lit.contains(&step.name));
    let on: String = on.map(|step| format!("<path class=\"on\" d=\"{}\"/>", step.path)).collect();
    let name = escape(w.ui(life.name));
    format!(
        "<div class=\"flow\"><svg class=\"life\" viewBox=\"0 0 590 96\" role=\"img\" aria-label=\"{name}\"><use href=\"#{}\"/>{on}</svg></div>",
        life.id
    )
}

fn draw(w: Words<'_>, life: &Life) -> String {
    let mut svg = format!(
        "<symbol id=\"{}\" viewBox=\"0 0 590 96\"><circle class=\"start\" cx=\"{}\" cy=\"62\" r=\"5\"/>",
        life.id, life.start
    );
    for step in life.steps {
        svg.push_str(&format!("<path class=\"off\" d=\"{}\"/>", step.path));
    }
    for state in life.states {
        let middle = state.x + 52;
        svg.push_str(&format!(
            "<rect class=\"state\" x=\"{}\" y=\"38\" width=\"104\" height=\"48\" rx=\"8\"/><text class=\"mark\" \
             x=\"{middle}\" y=\"57\">{}</text><text class=\"word\" x=\"{middle}\" y=\"75\">{}</text>",
            state.x,
            state.mark,
            escape(w.ui(state.word))
        ));
    }
    svg.push_str("</symbol>");
    svg
}
