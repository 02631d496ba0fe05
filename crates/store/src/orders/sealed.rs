//! Whether the installation's keys open what is sealed with them.

use diesel::{QueryableByName, sql_types};
use diesel_async::RunQueryDsl;
use domain::orders::OrderId;

use super::open_password;
use crate::db::{Error, Tx, sql};

/// What came of trying the keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealedPasswords {
    /// Orders whose password opened.
    pub opened: Vec<OrderId>,
    /// Orders whose password did not, with why.
    pub shut: Vec<(OrderId, String)>,
}

#[derive(QueryableByName)]
struct Sealed {
    #[diesel(sql_type = sql_types::BigInt)]
    id: i64,
    #[diesel(sql_type = sql_types::Binary)]
    server_password: Vec<u8>,
}

/// Tries to open the newest server password of each key that sealed one (the first four bytes name it): a key file that
/// lost an old line shows as well as one of another installation.
///
/// # Errors
/// [`Error`] from the database.
pub async fn try_keys(tx: &mut Tx) -> Result<SealedPasswords, Error> {
    let newest: Vec<Sealed> =
        sql("select distinct on (substr(server_password, 1, 4)) id, server_password from orders \
         where server_password is not null and state <> 'terminated' \
         order by substr(server_password, 1, 4), id desc")
        .load(tx.conn())
        .await?;
    let mut tried = SealedPasswords::default();
    for row in newest {
        let id = OrderId(row.id);
        match open_password(tx, id, &row.server_password) {
            Ok(_) => tried.opened.push(id),
            Err(why) => tried.shut.push((id, why.to_string())),
        }
    }
    Ok(tried)
}
