"""The checker is lied to: each kind of loss and doubling must be found, and a true journal must pass."""
import copy
import unittest

import checker


def intent(number, command, fields, kinds, answer=None, surface="apih", customer="c1"):
    answers = [{"n": number, "at": 0, "kind": kind, "took": 0, "answer": answer if kind == "SUCCESS" else None}
               for kind in kinds]
    return {"n": number, "at": 0, "customer": customer, "command": command, "fields": fields, "surface": surface,
            "tag": f"run-{customer}-{number}", "answers": answers}


def true_story():
    """An order of 14.90 that was placed, renewed for 9.90 and suspended; and one that was neither answered nor placed."""
    intents = [
        intent(1, "createOrder", {"requestid": "run-c1-1"}, ["2", "SUCCESS"], {"orderid": "7"}),
        intent(2, "renewOrder", {"orderid": "7"}, ["SUCCESS"], {"orderid": "7"}),
        intent(3, "createOrder", {}, ["lost"]),
        intent(4, "server_reboot", {"id": "7"}, ["SUCCESS"], {"task_id": "2"}, "json"),
        intent(5, "suspendOrder", {"orderid": "7"}, ["SUCCESS"], {"orderid": "7"}),
        intent(6, "createOrder", {}, ["1"]),
    ]
    truth = {
        "orders": [{"id": 7, "customer": "c1", "domain": "run-c1-1.example", "state": "suspended"}],
        "invoices": [
            {"id": 1, "order": 7, "customer": "c1", "purpose": "order", "status": "paid", "total": 1490},
            {"id": 2, "order": 7, "customer": "c1", "purpose": "renewal", "status": "paid", "total": 990},
        ],
        "journals": [{"id": 1, "kind": "charge", "invoice": 1, "amount": -1490},
                     {"id": 2, "kind": "charge", "invoice": 2, "amount": -990}],
        "tasks": [{"id": 1, "order": 7, "operation": "server_create", "state": "succeeded"},
                  {"id": 2, "order": 7, "operation": "server_reboot", "state": "succeeded"},
                  {"id": 3, "order": 7, "operation": "server_suspend", "state": "succeeded"}],
        "balances": {"c1": (10000, 7520)},
    }
    return intents, truth


class Lies(unittest.TestCase):
    """Each test changes one thing in the true story."""

    def setUp(self):
        self.intents, self.truth = copy.deepcopy(true_story())

    def verdict(self, lost=0, doubled=0):
        found = checker.check(self.intents, self.truth)
        self.assertEqual((found.lost, found.doubled), (lost, doubled), found.findings)
        return found

    def finds(self, words, lost=0, doubled=0):
        found = self.verdict(lost, doubled)
        self.assertTrue(any(words in line for line in found.findings), found.findings)

    def test_the_truth_passes(self):
        found = self.verdict()
        self.assertEqual((found.findings, found.acknowledged), ([], 4))

    def test_an_order_that_was_acknowledged_and_is_not_there(self):
        self.intents.append(intent(9, "createOrder", {}, ["SUCCESS"], {"orderid": "8"}))
        self.finds("order 8 is not there", lost=1)

    def test_an_order_that_is_another_customer_s(self):
        self.truth["orders"][0]["customer"] = "c2"
        self.finds("order 7 is not there", lost=1)

    def test_an_order_that_was_placed_twice(self):
        self.truth["orders"].append(self.truth["orders"][0] | {"id": 8})
        self.finds("orders [7, 8]", doubled=1)

    def test_a_number_that_was_told_to_two(self):
        self.intents.append(intent(9, "createOrder", {}, ["SUCCESS"], {"orderid": "7"}))
        self.finds("the number 7 was told to 2", lost=1, doubled=1)

    def test_an_order_that_was_refused_for_want_of_the_database_and_is_there(self):
        self.truth["orders"].append(self.truth["orders"][0] | {"id": 8, "domain": "run-c1-6.example"})
        self.finds("done all the same")

    def test_an_order_that_nobody_asked_for(self):
        self.truth["orders"].append(self.truth["orders"][0] | {"id": 8, "domain": "other.example"})
        self.finds("asked for by nobody")

    def test_a_renewal_that_was_lost(self):
        del self.truth["invoices"][1], self.truth["journals"][1]
        self.truth["balances"]["c1"] = (10000, 8510)
        self.finds("renewOrder of order 7: 1 told, 0 there", lost=1)

    def test_a_renewal_that_was_made_twice(self):
        self.truth["invoices"].append(self.truth["invoices"][1] | {"id": 3})
        self.truth["journals"].append({"id": 3, "kind": "charge", "invoice": 3, "amount": -990})
        self.truth["balances"]["c1"] = (10000, 6530)
        self.finds("renewOrder of order 7: 1 told, 0 unknown, 2 there", doubled=1)

    def test_a_charge_without_its_journal(self):
        del self.truth["journals"][0]
        self.finds("the charge of invoice 1", lost=1)

    def test_an_invoice_that_was_charged_twice(self):
        self.truth["journals"].append({"id": 3, "kind": "charge", "invoice": 1, "amount": -1490})
        self.finds("invoice 1 has 2 charges", doubled=1)

    def test_a_charge_of_another_sum(self):
        self.truth["journals"][0]["amount"] = -1
        self.finds("its charge -1")

    def test_money_that_went_without_an_invoice(self):
        self.truth["balances"]["c1"] = (10000, 7000)
        self.finds("c1 paid 3000, by its invoices 2480")

    def test_a_creation_that_never_ended(self):
        self.truth["tasks"][0]["state"] = "running"
        self.finds("of its creation came ['running']")

    def test_a_creation_that_was_queued_twice(self):
        self.truth["tasks"].append(self.truth["tasks"][0] | {"id": 4})
        self.finds("of its creation came ['succeeded', 'succeeded']")

    def test_a_task_that_was_told_and_is_not_there(self):
        del self.truth["tasks"][1]
        self.finds("task 2 is not there", lost=1)

    def test_a_suspension_that_was_forgotten(self):
        self.truth["orders"][0]["state"] = "active"
        self.finds("order 7 is active", lost=1)

    def test_an_answer_that_is_no_fault_s(self):
        self.intents[1]["answers"].insert(0, {"n": 2, "at": 0, "kind": "103", "took": 0, "answer": {"errorCode": 103}})
        self.finds("strange answer")


if __name__ == "__main__":
    unittest.main()
