//! Whether what is in the books agrees with itself.

use super::Invariant;

/// Each invariant, with a query for the rows that break it.
pub(super) const INVARIANTS: [Invariant; 23] = [
    (
        "every journal has at least two lines and sums to nothing in each currency",
        "select format('journal %s: %s lines, sum %s %s', j.id, count(e.line), coalesce(sum(e.amount), 0), e.currency) as row \
         from journal j left join entry e on e.journal_id = j.id group by j.id, e.currency \
         having coalesce(sum(e.amount), 0) <> 0 or count(e.line) = 0",
    ),
    (
        "every entry is of a journal",
        "select format('account %s: entry of journal %s', e.account_id, e.journal_id) as row from entry e \
         where not exists (select from journal j where j.id = e.journal_id)",
    ),
    (
        "all entries of a currency sum to nothing",
        "select format('%s: %s', currency, sum(amount)) as row from entry group by currency having sum(amount) <> 0",
    ),
    (
        "a wallet's balance is the sum of its entries, and their number its version",
        "select format('account %s: balance %s, sum %s; version %s, entries %s', a.id, a.balance, coalesce(sum(e.amount), 0), a.version, count(e.line)) as row \
         from account a left join entry e on e.account_id = a.id where a.balance is not null group by a.id \
         having a.balance <> coalesce(sum(e.amount), 0) or a.version <> count(e.line)",
    ),
    (
        "a wallet's entries follow each other without a gap",
        "select format('account %s, entry %s: %s after %s and %s', account_id, account_version, balance_after, before, amount) as row from ( \
           select account_id, account_version, amount, balance_after, \
             lag(balance_after, 1, 0::bigint) over w as before, row_number() over w as place \
           from entry where account_version is not null window w as (partition by account_id order by account_version)) s \
         where before + amount <> balance_after or place <> account_version",
    ),
    (
        "no wallet is overdrawn",
        "select format('account %s: entry %s leaves %s', account_id, account_version, balance_after) as row from entry where balance_after < 0",
    ),
    (
        "an entry is in its account's currency, and a wallet in its customer's",
        "select format('account %s', a.id) as row from account a left join customer c on c.id = a.customer_id \
         where a.currency <> c.currency or exists (select from entry e where e.account_id = a.id and e.currency <> a.currency)",
    ),
    (
        "a paid invoice that costs something is charged once, for its total; another is not charged, and none in a test realm",
        "select format('invoice %s (%s, total %s): charged %s', i.id, i.status, i.total, coalesce(c.charged, 0)) as row from invoice i \
         left join lateral (select -sum(e.amount) as charged from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
           where j.kind = 'charge' and j.ref_type = 'invoice' and j.ref_id = i.id and a.customer_id = i.customer_id) c on true \
         where coalesce(c.charged, 0) <> case when i.status = 'paid' and current_schema() = 'live' then i.total else 0 end",
    ),
    (
        "every charge is of an invoice",
        "select format('journal %s: invoice %s', j.id, j.ref_id) as row from journal j left join invoice i on i.id = j.ref_id and i.customer_id = j.customer_id \
         where j.kind = 'charge' and i.id is null",
    ),
    (
        "an invoice's lines sum to its total",
        "select format('invoice %s: total %s, lines %s', i.id, i.total, coalesce(sum(l.gross), 0)) as row \
         from invoice i left join invoice_line l on l.invoice_id = i.id group by i.id having i.total <> coalesce(sum(l.gross), 0)",
    ),
    (
        "a line's VAT is its invoice's rate of it, contained or added, rounded once",
        "select format('invoice %s, line %s: VAT %s', l.invoice_id, l.line, l.vat) as row from invoice i join invoice_line l on l.invoice_id = i.id \
         cross join lateral (select case i.prices when 'gross' then l.gross else l.net end::numeric as price, \
           (case i.prices when 'gross' then 10000 + i.vat_points else 10000 end)::numeric as whole) o \
         where l.vat <> sign(o.price) * div(2 * abs(o.price) * i.vat_points + o.whole, 2 * o.whole)",
    ),
    (
        "a paid invoice pays for days of its order, and nothing else does",
        "select format('invoice %s: %s', coalesce(i.id, p.invoice_id), coalesce(i.status, 'missing')) as row from invoice i \
         full join service_period p on p.invoice_id = i.id and p.order_id = i.order_id where (i.status = 'paid' and i.purpose <> 'change') is distinct from (p.invoice_id is not null)",
    ),
    (
        "numbers of invoices have no gap in their series",
        "select format('series %s: %s invoices, %s..%s', series, count(*), min(number), max(number)) as row from invoice \
         where number is not null group by series having max(number) - min(number) + 1 <> count(*)",
    ),
    (
        "a credit note's lines sum to its total",
        "select format('credit note %s: total %s, lines %s', c.id, c.total, coalesce(sum(l.gross), 0)) as row \
         from credit_note c left join credit_note_line l on l.credit_note_id = c.id group by c.id having c.total <> coalesce(sum(l.gross), 0)",
    ),
    (
        "only paid invoices are credited, each in its customer's currency, and no line beyond what it says",
        "select format('invoice %s is %s', i.id, i.status) as row from credit_note c join invoice i on i.id = c.invoice_id \
         where i.status <> 'paid' or c.customer_id <> i.customer_id or c.currency <> i.currency \
         union all select format('invoice %s, line %s', invoice_id, line) from overcredited_line",
    ),
    (
        "a credit note is refunded once, for its total, and none in a test realm",
        "select format('credit note %s (total %s): refunded %s', c.id, c.total, coalesce(r.refunded, 0)) as row from credit_note c \
         left join lateral (select -sum(e.amount) as refunded from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
           where j.kind = 'refund' and j.ref_type = 'credit_note' and j.ref_id = c.id and j.customer_id = c.customer_id and a.kind = 'revenue') r on true \
         where coalesce(r.refunded, 0) <> case current_schema() when 'live' then -c.total else 0 end",
    ),
    (
        "every refund of a credit note is of one, and goes to its customer's wallets or, of what was paid back outside, to cash",
        "select format('journal %s: credit note %s, %s of account %s', j.id, j.ref_id, a.kind, a.id) as row from journal j \
         join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
         left join credit_note c on c.id = j.ref_id and c.customer_id = j.customer_id \
         where j.ref_type = 'credit_note' and (c.id is null or j.kind <> 'refund' \
           or not case a.kind when 'revenue' then e.amount < 0 when 'bonus' then e.amount > 0 and a.customer_id = c.customer_id \
             when 'credit' then e.amount > 0 and a.customer_id = c.customer_id and c.refund = 'wallets' \
             when 'cash' then e.amount > 0 and c.refund = 'outside' else false end)",
    ),
    (
        "what bonuses paid of an invoice goes back as bonus, and no more of it",
        "select format('invoice %s: %s of bonus taken, %s back, credited %s of %s', i.id, t.bonus, b.bonus, c.credited, i.total) as row from invoice i \
         join (select invoice_id, -sum(total) as credited from credit_note group by invoice_id) c on c.invoice_id = i.id \
         cross join lateral (select coalesce(-sum(e.amount), 0) as bonus from journal j join entry e on e.journal_id = j.id \
           join account a on a.id = e.account_id where j.kind = 'charge' and j.ref_type = 'invoice' and j.ref_id = i.id and a.kind = 'bonus') t \
         cross join lateral (select coalesce(sum(e.amount), 0) as bonus from credit_note n join journal j on j.ref_id = n.id and j.ref_type = 'credit_note' \
           join entry e on e.journal_id = j.id join account a on a.id = e.account_id where n.invoice_id = i.id and a.kind = 'bonus') b \
         where abs(b.bonus * i.total - t.bonus * c.credited) * 2 > i.total",
    ),
    (
        "a change of tariff gives back what its credit notes say, and costs what its invoice says",
        "select format('tariff change %s: refunded %s, credited %s; cost %s, invoiced %s', t.id, t.refunded, coalesce(c.credited, 0), t.cost, coalesce(i.total, 0)) as row \
         from tariff_change t left join invoice i on i.id = t.invoice_id and i.order_id = t.order_id and i.status = 'paid' and i.purpose = 'change' \
         left join lateral (select -sum(n.total) as credited from credit_note n join invoice o on o.id = n.invoice_id \
           where o.order_id = t.order_id and n.cause = 'tariff change ' || t.id) c on true \
         where coalesce(c.credited, 0) <> t.refunded or coalesce(i.total, 0) <> t.cost or t.refunded + t.consumed <> t.charged",
    ),
    (
        "an order has the tariff that it was changed to last",
        "select format('order %s: tariff %s, changed to %s', o.id, o.tariff_id, t.to_tariff) as row \
         from (select distinct on (order_id) order_id, to_tariff from tariff_change order by order_id, id desc) t \
         join orders o on o.id = t.order_id where o.tariff_id <> t.to_tariff",
    ),
    (
        "a bonus wallet is what its customer's grants have left",
        "select format('customer %s: wallet %s, grants %s', a.customer_id, a.balance, coalesce(g.remaining, 0)) as row from account a \
         left join lateral (select sum(remaining) as remaining from bonus_grant g where g.customer_id = a.customer_id) g on true \
         where a.kind = 'bonus' and a.balance <> coalesce(g.remaining, 0)",
    ),
    (
        "a grant has left what was added to it less what was used, and a journal uses what it moves",
        "select format('grant %s: left %s, uses %s', g.id, g.remaining, coalesce(sum(u.amount), 0)) as row \
         from bonus_grant g left join bonus_use u on u.grant_id = g.id group by g.id \
         having g.remaining <> coalesce(sum(u.amount), 0) + case when g.carried then g.amount else 0 end \
         union all select format('journal %s: uses %s', u.journal_id, sum(u.amount)) from bonus_use u group by u.journal_id \
         having sum(u.amount) is distinct from (select sum(e.amount) from entry e join account a on a.id = e.account_id \
           where e.journal_id = u.journal_id and a.kind = 'bonus')",
    ),
    (
        "numbers of credit notes have no gap in their series",
        "select format('series %s: %s credit notes, %s..%s', series, count(*), min(number), max(number)) as row from credit_note \
         where number is not null group by series having max(number) - min(number) + 1 <> count(*)",
    ),
];
