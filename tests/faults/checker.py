"""Holds what customers were told against what is there. Pure: a journal's intents and a document of the database in,
findings out; so a test can lie to it."""
from collections import Counter, defaultdict

# Whoever is told this knows that nothing was done: the database was gone before the commit was asked for, or nobody
# listened.
NOTHING_DONE = ("1", "refused")
UNKNOWN = ("2", "lost", "http503")
# A server that is suspended, or has as many open tasks as it may have.
RIGHT_REFUSALS = {"server_change": ("http409",), "server_reboot": ("http409",)}
PURPOSE = {"createOrder": "order", "renewOrder": "renewal", "server_change": "change"}


class Verdict:
    """What was found: `lost` and `doubled` count effects, `findings` say each thing in words."""

    def __init__(self):
        self.lost = self.doubled = self.acknowledged = 0
        self.findings = []

    def finds(self, text):
        self.findings.append(text)

    def loses(self, text):
        self.lost += 1
        self.finds(f"lost: {text}")

    def doubles(self, text):
        self.doubled += 1
        self.finds(f"doubled: {text}")


def check(intents, truth):
    """The verdict over a run."""
    verdict = Verdict()
    orders_of_tag = defaultdict(list)
    for order in truth["orders"]:
        orders_of_tag[(order["domain"] or "").removesuffix(".example")].append(order)
    for intent in intents:
        if intent["command"] != "getBalance" and outcome(intent) == "done":
            verdict.acknowledged += 1
        check_answers(intent, verdict)
        if intent["command"] == "createOrder":
            check_creation(intent, orders_of_tag[intent["tag"]], verdict)
    check_strangers(intents, truth, verdict)
    for command in ("renewOrder", "server_change"):
        check_charged(command, intents, truth, verdict)
    check_tasks(intents, truth, verdict)
    check_switches(intents, truth, verdict)
    check_invoices(truth, verdict)
    check_balances(truth, verdict)
    return verdict


def outcome(intent):
    """`done`, `not done` or `unknown`, by all that was told of it."""
    kinds = [said["kind"] for said in intent["answers"]]
    if "SUCCESS" in kinds:
        return "done"
    if not kinds or any(kind in UNKNOWN for kind in kinds):
        return "unknown"
    return "not done"


def check_answers(intent, verdict):
    """A fault is told as a fault, and as nothing else: a repeat that meets its own effect was nearly done twice."""
    known = ("SUCCESS", *NOTHING_DONE, *UNKNOWN, *RIGHT_REFUSALS.get(intent["command"], ()))
    strange = [said for said in intent["answers"] if said["kind"] not in known]
    if strange:
        verdict.finds(f"strange answer: {described(intent)}: {strange[0]['answer']}")


def success(intent):
    return next(said["answer"] for said in intent["answers"] if said["kind"] == "SUCCESS")


def described(intent):
    told = [said["kind"] for said in intent["answers"]]
    return f"{intent['command']} {intent['tag']} of {intent['customer']}, told {told}"


def check_creation(intent, found, verdict):
    if len(found) > 1:
        verdict.doubles(f"{described(intent)}: orders {[order['id'] for order in found]}")
    match outcome(intent):
        case "done":
            number = int(success(intent)["orderid"])
            if not any(order["id"] == number and order["customer"] == intent["customer"] for order in found):
                verdict.loses(f"{described(intent)}: order {number} is not there")
        case "not done" if found:
            verdict.finds(f"done all the same: {described(intent)}: order {found[0]['id']}")
    told = {said["answer"]["orderid"] for said in intent["answers"] if said["kind"] == "SUCCESS"}
    if len(told) > 1:
        verdict.doubles(f"{described(intent)}: answered with orders {sorted(told)}")


def check_strangers(intents, truth, verdict):
    """No order is there that nobody asked for, and no number was told to two."""
    tags = {intent["tag"] for intent in intents if intent["command"] == "createOrder"}
    for order in truth["orders"]:
        if (order["domain"] or "").removesuffix(".example") not in tags:
            verdict.finds(f"order {order['id']} was asked for by nobody")
    told = Counter()
    for intent in intents:
        if intent["command"] == "createOrder" and outcome(intent) == "done":
            told[success(intent)["orderid"]] += 1
    for number, times in told.items():
        if times > 1:
            verdict.doubles(f"the number {number} was told to {times} requests")


def check_charged(command, intents, truth, verdict):
    """Of each order: as many paid invoices of that purpose as were told of, and at the most the unknown ones."""
    sure, perhaps = Counter(), Counter()
    for intent in intents:
        if intent["command"] == command:
            order = int(intent["fields"].get("orderid") or intent["fields"]["id"])
            if outcome(intent) == "unknown" or (outcome(intent) == "done" and command == "server_change"):
                # Of a change its task is told, and not whether it cost anything.
                perhaps[order] += 1
            elif outcome(intent) == "done":
                sure[order] += 1
    there = Counter(invoice["order"] for invoice in truth["invoices"]
                    if invoice["purpose"] == PURPOSE[command] and invoice["status"] == "paid")
    for order in set(sure) | set(there):
        if there[order] < sure[order]:
            verdict.loses(f"{command} of order {order}: {sure[order]} told, {there[order]} there")
        if there[order] > sure[order] + perhaps[order]:
            verdict.doubles(f"{command} of order {order}: {sure[order]} told, {perhaps[order]} unknown, "
                            f"{there[order]} there")


def check_tasks(intents, truth, verdict):
    tasks = {task["id"]: task for task in truth["tasks"]}
    for intent in intents:
        if intent["surface"] == "json" and outcome(intent) == "done":
            number = success(intent).get("task_id")
            task = tasks.get(int(number)) if number is not None else None
            if number is not None and (not task or task["order"] != int(intent["fields"]["id"])):
                verdict.loses(f"{described(intent)}: task {number} is not there")
    creations = defaultdict(list)
    for task in truth["tasks"]:
        if task["operation"] == "server_create":
            creations[task["order"]].append(task["state"])
    for order in truth["orders"]:
        if creations[order["id"]] != ["succeeded"]:
            verdict.finds(f"order {order['id']}: of its creation came {creations[order['id']]}")
    for task in truth["tasks"]:
        if task["state"] not in ("succeeded", "cancelled", "held"):
            verdict.finds(f"task {task['id']} ({task['operation']} of order {task['order']}) stays {task['state']}")


def check_switches(intents, truth, verdict):
    """An order is as its customer was told last, where all that was told of it is sure."""
    state = {order["id"]: order["state"] for order in truth["orders"]}
    last, unsure = {}, set()
    for intent in intents:
        if intent["command"] in ("suspendOrder", "unSuspendOrder"):
            order = int(intent["fields"]["orderid"])
            if outcome(intent) == "unknown":
                unsure.add(order)
            elif outcome(intent) == "done":
                last[order] = intent
    for order, intent in last.items():
        suspended = state.get(order) == "suspended"
        if order not in unsure and suspended != (intent["command"] == "suspendOrder"):
            verdict.loses(f"{described(intent)}: order {order} is {state.get(order)}")


def check_invoices(truth, verdict):
    """A paid invoice has one charge, of its sum; an order has one invoice that it began with."""
    charges = defaultdict(list)
    for journal in truth["journals"]:
        if journal["kind"] == "charge":
            charges[journal["invoice"]].append(journal)
    for invoice in truth["invoices"]:
        found = charges.pop(invoice["id"], [])
        wanted = 1 if invoice["status"] == "paid" and invoice["total"] else 0
        if len(found) > wanted:
            verdict.doubles(f"invoice {invoice['id']} has {len(found)} charges")
        if len(found) < wanted:
            verdict.loses(f"the charge of invoice {invoice['id']}")
        for journal in found:
            if journal["amount"] != -invoice["total"]:
                verdict.finds(f"invoice {invoice['id']} is {invoice['total']}, its charge {journal['amount']}")
    for number in charges:
        verdict.finds(f"a charge of invoice {number}, which is not there")
    first = Counter(invoice["order"] for invoice in truth["invoices"] if invoice["purpose"] == "order")
    for order in truth["orders"]:
        if first[order["id"]] != 1:
            verdict.finds(f"order {order['id']} has {first[order['id']]} invoices that it began with")


def check_balances(truth, verdict):
    paid = Counter()
    for invoice in truth["invoices"]:
        if invoice["status"] == "paid":
            paid[invoice["customer"]] += invoice["total"]
    for login, (before, now) in truth["balances"].items():
        if before - now != paid[login]:
            verdict.finds(f"{login} paid {before - now}, by its invoices {paid[login]}")
