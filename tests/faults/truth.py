"""What is in the database, as one document."""
import json

SINCE = """
select json_build_object(
  'orders', (select coalesce(json_agg(json_build_object('id', o.id, 'customer', c.login, 'domain', o.domain_ascii,
      'state', o.state)), '[]') from live.orders o join live.customer c on c.id = o.customer_id where o.id > {orders}),
  'invoices', (select coalesce(json_agg(json_build_object('id', i.id, 'order', i.order_id, 'customer', c.login,
      'purpose', i.purpose, 'status', i.status, 'total', i.total)), '[]')
      from live.invoice i join live.customer c on c.id = i.customer_id where i.id > {invoices}),
  'journals', (select coalesce(json_agg(json_build_object('id', j.id, 'kind', j.kind, 'invoice', j.ref_id, 'amount',
      (select coalesce(sum(e.amount), 0) from live.entry e join live.account a on a.id = e.account_id
        where e.journal_id = j.id and a.customer_id is not null))), '[]')
      from live.journal j where j.ref_type = 'invoice' and j.id > {journals}),
  'tasks', (select coalesce(json_agg(json_build_object('id', t.id, 'order', t.order_id, 'operation', t.operation,
      'state', case when {held} then 'held' else t.state end)), '[]')
      from live.task t join live.orders o on o.id = t.order_id where t.order_id > {orders}))
"""
MARK = """
select json_build_object('orders', (select coalesce(max(id), 0) from live.orders),
  'invoices', (select coalesce(max(id), 0) from live.invoice),
  'journals', (select coalesce(max(id), 0) from live.journal))
"""
BALANCES = """
select coalesce(json_object_agg(login, balance), '{}') from (
  select c.login, sum(a.balance)::bigint as balance from live.account a join live.customer c on c.id = a.customer_id
  group by c.login) b
"""
# What waits for a server that is suspended is held until it is on again: that is as it must be.
HELD = "t.state = 'queued' and o.state = 'suspended' and t.operation not in ('server_create', 'server_suspend')"
OPEN = f"""
select count(*) from live.task t join live.orders o on o.id = t.order_id
where t.state in ('queued', 'running') and not ({HELD})
"""


def mark(ask):
    """Where the books stand before a run."""
    return json.loads(ask(MARK)) | {"balances": json.loads(ask(BALANCES))}


def since(ask, before):
    """What came since."""
    numbers = {name: before[name] for name in ("orders", "invoices", "journals")}
    now = json.loads(ask(BALANCES))
    found = json.loads(ask(SINCE.format(held=HELD, **numbers)))
    found["balances"] = {login: (was, now[login]) for login, was in before["balances"].items()}
    return found


def open_tasks(ask):
    """Tasks that are not over yet."""
    return int(ask(OPEN))
