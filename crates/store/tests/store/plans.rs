//! What the planner makes of the queue's statements: rows by their keys, however long the history is.

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;
use store::{Error, tasks};

use crate::{
    acts::{claim, succeed},
    steering::{ready, reboot},
};

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
    #[diesel(sql_type = sql_types::Text)]
    statement: String,
    #[diesel(sql_type = sql_types::Integer)]
    parameters: i32,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = sql_types::Text, column_name = "QUERY PLAN")]
    text: String,
}

#[tokio::test]
async fn the_queue_does_not_read_its_history() {
    let (db, ann, id) = ready().await;
    db.run_sql(&format!(
        "insert into live.task (order_id, operation, state, completed_at) \
           select {id}, 'server_reboot', 'succeeded', now() from generate_series(1, 5000); \
         analyze live.task"
    ))
    .await;
    reboot(&db.database, &ann, id).await.unwrap();
    // One connection, which keeps what it was asked.
    let live = db.open(1).live;
    assert!(live.read(async |c| tasks::is_due(c).await).await.unwrap());
    assert!(!live.read(async |c| tasks::are_stranded(c).await).await.unwrap());
    let task = claim(&live).await.unwrap();
    assert!(succeed(&live, &task).await);
    let plans: Vec<(String, String)> = live
        .read(async |c| {
            sql_query("set plan_cache_mode = force_generic_plan").execute(c).await?;
            let asked = "select name, statement, cardinality(parameter_types) as parameters from pg_prepared_statements \
                         where statement ~ '\\mtask\\M'";
            let prepared: Vec<Prepared> = sql_query(asked).load(c).await?;
            let mut plans = Vec::new();
            for Prepared { name, statement, parameters } in prepared {
                let nulls = vec!["null"; usize::try_from(parameters).unwrap()].join(", ");
                let values = if nulls.is_empty() { nulls } else { format!("({nulls})") };
                let lines: Vec<Line> = sql_query(format!("explain execute \"{name}\"{values}")).load(c).await?;
                plans.push((statement, lines.into_iter().map(|line| line.text + "\n").collect()));
            }
            Ok::<_, Error>(plans)
        })
        .await
        .unwrap();
    assert!(plans.len() >= 5, "is_due, are_stranded, claim, its network, end: {plans:?}");
    for (statement, plan) in plans {
        assert!(!plan.contains("Seq Scan on task") && !plan.contains("hashed SubPlan"), "{statement}\n{plan}");
    }
}
