"""Customers that call, and write down what they meant to do and what they were told. What stands in the
journal was told to somebody."""
import json
import random
import threading
import time
import urllib.parse

from program import fetch

# Every answer comes within 10 s (CONTRACT 1.2); who waits longer gives up, and doesn't know.
PATIENCE = 15.0
ORDER = {"vid": "vds", "tarifid": "10", "period": "1", "addons": "20"}
# Told with these, nothing is known (2), or nothing was done for want of the database (1): a request can be repeated.
PASSING = ("lost", "1", "2", "http503", "http500", "refused")


class Journal:
    """What was meant and what was told, in the order of it; a line each in a file."""

    def __init__(self, path):
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.file = open(path, "w", encoding="utf-8")
        self.intents = []

    def intend(self, customer, command, fields, surface, tag):
        with self.lock:
            intent = {"n": len(self.intents), "at": self.now(), "customer": customer, "command": command,
                      "fields": fields, "surface": surface, "tag": tag, "answers": []}
            self.intents.append(intent)
            self.write({key: value for key, value in intent.items() if key != "answers"})
        return intent

    def told(self, intent, kind, answer, took):
        with self.lock:
            said = {"n": intent["n"], "at": self.now(), "kind": kind, "took": round(took, 3), "answer": answer}
            intent["answers"].append(said)
            self.write(said)

    def now(self):
        return round(time.monotonic() - self.began, 3)

    def write(self, line):
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()


class Customer(threading.Thread):
    """One that calls again and again until told to stop, one request after the other."""

    def __init__(self, load, login, key, seed, ports, pause):
        super().__init__(daemon=True)
        self.load, self.login, self.key, self.ports, self.pause = load, login, key, list(ports), pause
        self.random = random.Random(f"{seed} {login}")
        self.orders, self.suspended, self.count = [], {}, 0

    def run(self):
        try:
            while not self.load.over.is_set():
                self.act()
                self.load.over.wait(self.random.uniform(0.2, 1.8) * self.pause)
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.load.errors.append(f"{self.login}: {error!r}")

    def act(self):
        drawn = self.random.random()
        if not self.orders or drawn < 0.4:
            self.create(with_requestid=self.random.random() < 0.7)
        elif drawn < 0.6:
            order = self.random.choice(self.orders)
            self.call("renewOrder", {"orderid": order, "period": "1"}, requestid=self.random.random() < 0.7)
        elif drawn < 0.75:
            self.switch(self.random.choice(self.orders))
        elif drawn < 0.85:
            order = self.random.choice(self.orders)
            if not self.suspended.get(order):
                self.json("server_change" if self.random.random() < 0.5 else "server_reboot", order)
        else:
            self.call("getBalance", {}, requestid=False)

    def create(self, with_requestid=True):
        tag = self.tag()
        intent = self.call("createOrder", ORDER | {"domain": f"{tag}.example"}, with_requestid, tag)
        said = intent["answers"][-1]
        if said["kind"] == "SUCCESS":
            self.orders.append(said["answer"]["orderid"])
        return intent

    def switch(self, order):
        """Off and on. What is not known for sure is left alone from then on."""
        off = not self.suspended.get(order, False)
        said = self.call("suspendOrder" if off else "unSuspendOrder", {"orderid": order}, False)["answers"][-1]
        if said["kind"] == "SUCCESS":
            self.suspended[order] = off
        elif said["kind"] in PASSING:
            self.orders.remove(order)

    def tag(self):
        self.count += 1
        return f"{self.load.name}-{self.login}-{self.count}"

    def call(self, command, fields, requestid, tag=None):
        """A call of /apih.php."""
        tag = tag or self.tag()
        if requestid:
            fields = fields | {"requestid": tag}
        intent = self.load.journal.intend(self.login, command, fields, "apih", tag)
        self.send(intent)
        return intent

    def json(self, command, order):
        """A call of /json.php: these have no requestid here, so nobody repeats them."""
        fields = {"id": order}
        if command == "server_change":
            fields["ram"] = str(2048 + 1024 * self.random.randint(1, 14))
        intent = self.load.journal.intend(self.login, command, fields, "json", self.tag())
        self.send(intent)

    def send(self, intent):
        port = self.ports[0]
        form = {"command": intent["command"], **intent["fields"]}
        if intent["surface"] == "apih":
            path, access = "/apih.php", {"login": self.login, "apikey": self.key, "json": "1"}
        else:
            path, access = "/json.php", {"nick": f"{self.login}api", "password": f"{self.login}-api-password"}
        asked = time.monotonic()
        try:
            status, body = fetch("127.0.0.1", port, path, PATIENCE, urllib.parse.urlencode(form | access))
            kind, answer = reading(intent["surface"], status, body)
        except ConnectionRefusedError:
            kind, answer = "refused", None
        except (OSError, ValueError) as lost:
            kind, answer = "lost", repr(lost)
        self.load.journal.told(intent, kind, answer, time.monotonic() - asked)
        if kind in ("refused", "lost"):
            # As behind a balancer: the next call goes to another.
            self.ports.append(self.ports.pop(0))


def reading(surface, status, body):
    """What an answer says, in a word, and all of it."""
    answer = json.loads(body) if body else None
    if surface == "json":
        return ("SUCCESS" if status == 200 else f"http{status}"), answer
    if status == 200 and answer.get("status") == "SUCCESS":
        return "SUCCESS", answer
    code = answer.get("errorCode") if isinstance(answer, dict) else None
    return (str(code) if code is not None else f"http{status}"), answer


class Load:
    """Customers who call at the same time."""

    def __init__(self, name, path, keys, seed, ports, logins, pause=0.1):
        self.name, self.journal = name, Journal(path)
        self.over, self.errors = threading.Event(), []
        self.customers = [Customer(self, login, keys[login], seed, self.turned(ports, index), pause)
                          for index, login in enumerate(logins)]

    @staticmethod
    def turned(ports, index):
        return ports[index % len(ports):] + ports[:index % len(ports)]

    def start(self):
        for customer in self.customers:
            customer.start()

    def stop(self):
        self.over.set()
        for customer in self.customers:
            if customer.is_alive():
                customer.join(PATIENCE + 5)
                if customer.is_alive():
                    self.errors.append(f"{customer.login} waits for an answer beyond all patience")

    def acknowledged(self):
        return sum(1 for _ in self.successes())

    def successes(self):
        for intent in list(self.journal.intents):
            for said in intent["answers"]:
                if said["kind"] == "SUCCESS" and intent["command"] != "getBalance":
                    yield said["at"]

    def gap(self):
        """The longest time in which nobody was acknowledged a write, in seconds."""
        moments = sorted(self.successes())
        return max((after - before for before, after in zip(moments, moments[1:])), default=0.0)

    def settle(self, seconds=40.0):
        """Repeats, as customers do, what has a requestid and was not answered for good."""
        deadline = time.monotonic() + seconds
        for customer in self.customers:
            for intent in self.journal.intents:
                while intent["customer"] == customer.login and repeatable(intent) and time.monotonic() < deadline:
                    customer.send(intent)
                    if intent["answers"][-1]["kind"] in PASSING:
                        time.sleep(0.2)

    def open(self):
        return [intent for intent in self.journal.intents if repeatable(intent)]


def repeatable(intent):
    return "requestid" in intent["fields"] and (not intent["answers"] or intent["answers"][-1]["kind"] in PASSING)
