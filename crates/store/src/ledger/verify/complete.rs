//! Whether what must be in the books is there: a database that lost some of its tables' rows agrees with itself.

use super::Invariant;

/// Each invariant, with a query for the rows that break it.
pub(super) const INVARIANTS: [Invariant; 10] = [
    (
        "what the books refer to is there: customers, orders, invoices, credit notes, accounts, grants",
        "select format('order %s: customer %s', o.id, o.customer_id) as row from orders o \
         where not exists (select from customer c where c.id = o.customer_id) \
         union all select format('account %s: customer %s', a.id, a.customer_id) from account a \
         where a.customer_id is not null and not exists (select from customer c where c.id = a.customer_id) \
         union all select format('invoice %s: order %s', i.id, i.order_id) from invoice i \
         where not exists (select from orders o where o.id = i.order_id and o.customer_id = i.customer_id) \
         union all select format('invoice line %s of invoice %s', l.line, l.invoice_id) from invoice_line l \
         where not exists (select from invoice i where i.id = l.invoice_id) \
         union all select format('days of order %s: invoice %s', p.order_id, p.invoice_id) from service_period p \
         where not exists (select from invoice i where i.id = p.invoice_id and i.order_id = p.order_id) \
         union all select format('credit note %s: invoice %s', c.id, c.invoice_id) from credit_note c \
         where not exists (select from invoice i where i.id = c.invoice_id) \
         union all select format('credit note line %s of credit note %s', l.line, l.credit_note_id) from credit_note_line l \
         where not exists (select from credit_note c where c.id = l.credit_note_id) \
         union all select format('entry %s of journal %s: account %s', e.line, e.journal_id, e.account_id) from entry e \
         where not exists (select from account a where a.id = e.account_id) \
         union all select format('use of grant %s by journal %s', u.grant_id, u.journal_id) from bonus_use u \
         where not exists (select from bonus_grant g where g.id = u.grant_id) \
           or not exists (select from journal j where j.id = u.journal_id)",
    ),
    (
        "every order was invoiced when it was placed",
        "select format('order %s (%s)', o.id, o.state) as row from orders o \
         where not exists (select from invoice i where i.order_id = o.id and i.purpose = 'order')",
    ),
    (
        "an order that is being made, runs or is suspended was paid for: its first invoice, with its days",
        "select format('order %s (%s)', o.id, o.state) as row from orders o \
         where (o.state in ('manual', 'provisioning', 'active', 'suspended') or o.start_day is not null) \
           and not exists (select from invoice i join service_period p on p.invoice_id = i.id and p.order_id = o.id \
             where i.order_id = o.id and i.purpose = 'order' and i.status = 'paid')",
    ),
    (
        "an order that waits for its payment is paid for no days",
        "select format('order %s: days of invoice %s', o.id, p.invoice_id) as row \
         from orders o join service_period p on p.order_id = o.id where o.state = 'awaiting_payment'",
    ),
    (
        "a journal is of something that is there, and of what its kind can be of",
        "select format('journal %s: %s of %s %s', j.id, j.kind, j.ref_type, j.ref_id) as row from journal j where not case \
           when j.kind in ('withdrawal', 'bonus') or j.kind = 'deposit' and j.ref_type = 'movement' then j.ref_type = 'movement' \
           when j.kind in ('deposit', 'charge') then j.ref_type = 'invoice' \
             and exists (select from invoice i where i.id = j.ref_id and i.customer_id = j.customer_id) \
           when j.kind = 'refund' then j.ref_type = 'credit_note' \
             and exists (select from credit_note c where c.id = j.ref_id and c.customer_id = j.customer_id) \
           when j.kind = 'expiry' then j.ref_type = 'bonus_grant' \
             and exists (select from bonus_grant g where g.id = j.ref_id and g.customer_id = j.customer_id) \
           else false end",
    ),
    (
        "a journal moves its own customer's wallets and the company's accounts, those of its kind and in its direction",
        "select format('journal %s (%s of customer %s): %s of account %s (%s of customer %s)', j.id, j.kind, j.customer_id, \
           e.amount, a.id, a.kind, a.customer_id) as row \
         from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
         where a.customer_id <> j.customer_id or j.customer_id is null \
           or not case j.kind \
             when 'deposit' then (a.kind, sign(e.amount)) in (('credit', 1), ('cash', -1)) \
             when 'withdrawal' then (a.kind, sign(e.amount)) in (('credit', -1), ('cash', 1)) \
             when 'bonus' then (a.kind, sign(e.amount)) in (('bonus', 1), ('bonus_given', -1)) \
             when 'expiry' then (a.kind, sign(e.amount)) in (('bonus', -1), ('bonus_given', 1)) \
             when 'charge' then (a.kind, sign(e.amount)) in (('credit', -1), ('bonus', -1), ('revenue', 1)) \
             when 'refund' then (a.kind, sign(e.amount)) in (('credit', 1), ('bonus', 1), ('cash', 1), ('revenue', -1)) \
             else false end",
    ),
    (
        "what a customer's payments brought was deposited",
        "select format('customer %s: payments %s, deposits %s', p.customer_id, p.paid, coalesce(d.deposited, 0)) as row \
         from (select customer_id, sum(amount) as paid from payment where kind = 'deposit' group by customer_id) p \
         left join (select j.customer_id, -sum(e.amount) as deposited from journal j join entry e on e.journal_id = j.id \
           join account a on a.id = e.account_id where j.kind = 'deposit' and a.kind = 'cash' group by j.customer_id) d \
           on d.customer_id = p.customer_id where p.paid > coalesce(d.deposited, 0)",
    ),
    (
        "a payment with a reference is the movement that it says, its customer's, of that kind and amount",
        "select format('%s %s of customer %s: movement %s', p.kind, p.reference, p.customer_id, p.movement_id) as row from payment p \
         where (p.movement_id is not null or p.kind = 'withdrawal') and not exists ( \
           select from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
           where j.kind = p.kind and j.ref_type = 'movement' and j.ref_id = p.movement_id and j.customer_id = p.customer_id \
             and a.kind = 'credit' and e.currency = p.currency and e.amount = case p.kind when 'deposit' then p.amount else -p.amount end)",
    ),
    (
        "every bonus that was granted is in the ledger",
        "select format('grant %s: %s', g.id, g.amount) as row from bonus_grant g where not g.carried and not exists ( \
           select from journal j join entry e on e.journal_id = j.id join account a on a.id = e.account_id \
           where j.kind = 'bonus' and j.ref_type = 'movement' and j.ref_id = g.id and j.customer_id = g.customer_id \
             and a.kind = 'bonus' and e.amount = g.amount)",
    ),
    (
        "the seals of a wallet's entries follow each other without a gap, each of an entry that is there",
        "select format('account %s, seal %s: the %s. of the wallet', account_id, account_version, place) as row from ( \
           select account_id, account_version, previous, row_number() over w as place, \
             lag(hash, 1, decode(repeat('00', 32), 'hex')) over w as before \
           from sealed_entry window w as (partition by account_id order by account_version)) s \
         where place <> account_version or previous <> before \
         union all select format('account %s, seal %s: no entry', s.account_id, s.account_version) from sealed_entry s \
         where not exists (select from entry e where e.account_id = s.account_id and e.account_version = s.account_version)",
    ),
];
