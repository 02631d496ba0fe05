//! The budget of destructive operations: past it they wait for staff, so that a client gone wild, or a thief with its
//! key, can't wipe more than so many servers an hour.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::{
    orders::{BillingMode, OrderId},
    tasks::Operation,
};

use crate::db::{Error, Tx, sql};

#[derive(QueryableByName)]
struct Spent {
    #[diesel(sql_type = sql_types::BigInt)]
    most: i64,
    #[diesel(sql_type = sql_types::BigInt)]
    spent: i64,
}

/// The customer's row is held, so that requests for its other orders count one after the other.
const LOCK: &str = "\
    select from customer c where c.id = (select customer_id from orders where id = $1) for no key update of c";

/// What staff hold back and nobody ever took has wiped nothing.
const SPENT: &str = "\
    select coalesce(c.destructive_per_hour::bigint, $2) as most, \
      (select count(*) from task t join orders p on p.id = t.order_id where p.customer_id = c.id \
        and t.operation in ('server_recreate', 'server_destroy') and t.created_at > now() - interval '1 hour' \
        and (t.assigned_at is not null or t.state not in ('manual', 'cancelled'))) as spent \
    from orders o join customer c on c.id = o.customer_id where o.id = $1";

/// Why a new operation on an order, whose row this transaction holds, is to wait for staff, if it is. Machines of test
/// access are nobody's loss.
pub(super) async fn over(tx: &mut Tx, order: OrderId, operation: Operation) -> Result<Option<String>, Error> {
    if !operation.is_destructive() || tx.realm().billing() == BillingMode::Waived {
        return Ok(None);
    }
    let most = i64::from(tx.rules().provisioning.destructive_per_hour);
    sql(LOCK).bind::<sql_types::BigInt, _>(order.0).execute(tx.conn()).await?;
    let budget: Spent = sql(SPENT)
        .bind::<sql_types::BigInt, _>(order.0)
        .bind::<sql_types::BigInt, _>(most)
        .get_result(tx.conn())
        .await?;
    let over = budget.spent >= budget.most;
    Ok(over.then(|| format!("waits for staff: more than {} destructive operations within an hour\n", budget.most)))
}
