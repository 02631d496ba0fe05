"""A primary dies, and its standby takes over."""
import re
import subprocess
import threading
import time

import bed
import postgres
import program as vartai
from bed import Failed, until
from load import Customer
from table import pair, scenario


def promote(run):
    """The standby takes over, and counts from now on."""
    run.pair.standby.promote()
    run.asks = lambda text: run.pair.standby.sql(text, postgres.DATABASE)


def waiting_orders(run, logins):
    """Sends an order each, all at once, and waits until their commits wait for the standby."""
    callers = [Customer(run.load, login, run.keys[login], run.seed, [run.serves[0].port], 1) for login in logins]
    run.load.customers += callers
    threads = [threading.Thread(target=caller.create, daemon=True) for caller in callers]
    for thread in threads:
        thread.start()
    until("their commits wait for the standby", lambda: run.pair.waiting() >= len(logins), 10)
    return threads


@scenario("synchronous standby; the link to it goes silent, 8 commits wait for it, the primary is killed, the standby "
          "promoted", pair(), quick=True)
def commits_that_waited_for_the_standby(run):
    run.link.silent = True
    threads = waiting_orders(run, vartai.CUSTOMERS[4:])
    run.pause(0.0, 0.6)
    run.pair.primary.kill()
    promote(run)
    run.healed()
    for thread in threads:
        thread.join(20)
        if thread.is_alive():
            raise Failed("an order that waited was never answered")
    run.served(10)


@scenario("the first host of the URL is switched off (SYNs are not answered), the second promoted", pair(), quick=True)
def first_host_silent(run):
    run.pause(0.0, 1.0)
    run.pair.primary.kill()
    bed.switch_off(run.pair.primary.address)
    promote(run)
    run.notes["healed"] = round(run.healed(30), 1)
    run.served(5)
    restarted = time.monotonic()
    run.serves[0].restart()
    run.serves[0].ready(30)
    run.notes["restarted"] = round(time.monotonic() - restarted, 1)
    run.healed(30)
    asked = time.monotonic()
    doctor(run)
    run.notes["doctor"] = round(time.monotonic() - asked, 1)
    if run.notes["doctor"] > 10:
        raise Failed("doctor took longer than 10 s")


@scenario("the first host of the URL is switched off, the second promoted: `vartai doctor` says which host is silent",
          pair())
def doctor_of_a_silent_host(run):
    run.pair.primary.kill()
    bed.switch_off(run.pair.primary.address)
    promote(run)
    run.healed(30)
    said = doctor(run)
    if run.pair.primary.address not in said:
        raise Failed(f"doctor doesn't name the host that is silent: {said[:500]}")


def doctor(run):
    """What `vartai doctor` says, which may find what is wrong."""
    told = subprocess.run([run.installation.program, "doctor"], env=run.installation.environment(), cwd=run.bed.dir,
                          capture_output=True, text=True, timeout=60)
    return told.stdout + told.stderr


@scenario("synchronous standby; the primary is killed -9 under load, the standby promoted", pair())
def promotion(run):
    run.pause(0.0, 1.5)
    run.pair.primary.kill()
    run.pause(0.0, 3.0)
    promote(run)
    run.notes["healed"] = round(run.healed(30), 1)
    run.served(5)


@scenario("the first host of the URL is frozen (SIGSTOP: connections are taken, and nothing is answered), the second "
          "promoted", pair())
def first_host_frozen(run):
    run.pause(0.0, 1.0)
    run.pair.primary.freeze()
    promote(run)
    run.notes["healed"] = round(run.healed(30), 1)
    run.served(5)
    run.pair.primary.kill()
    run.served(5)


@scenario("the synchronous standby is away for 12 s: nothing can be written, and it says so", pair())
def standby_away(run):
    run.pair.standby.kill()
    time.sleep(12)
    run.pair.standby.start()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("the synchronous standby is gone for good, and is given up by docs/operations.md; writes hang until then",
          pair())
def standby_given_up(run):
    run.pair.standby.kill()
    until("it says what commits wait for", lambda: says(run, "commits wait for a synchronous standby"), 30)
    for statement in advised("`commits wait for a synchronous standby`"):
        run.pair.primary.sql(statement)
    run.notes["healed"] = round(run.healed(10), 1)
    run.served(5)


def says(run, text):
    """Whether `/readyz` says so."""
    return text in vartai.fetch("127.0.0.1", run.serves[0].admin, "/readyz", 3)[1].decode()


def advised(trouble):
    """The statements of the table of docs/operations.md that says what to do when it is not ready."""
    lines = (bed.ROOT / "docs/operations.md").read_text().splitlines()
    row = next(line for line in lines if line.startswith(f"| {trouble} |"))
    return re.findall(r"`((?:alter|select) [^`]*)`", row)


@scenario("two gateways and two workers on one database; one of them after the other is killed -9, five times",
          pair(gateways=2, workers=2, callers=6))
def two_gateways_and_two_workers(run):
    for _ in range(5):
        run.random.choice(run.serves + run.workers).kill()
        run.pause(0.2, 2.0)
    run.served(10)


@scenario("latency of 20 to 80 ms on the link to the synchronous standby, then the primary is killed and the standby "
          "promoted, before two gateways and two workers", pair(gateways=2, workers=2, callers=6))
def promotion_before_two_gateways(run):
    run.link.latency = run.random.uniform(0.01, 0.04)
    run.served(10)
    run.pair.primary.kill()
    promote(run)
    run.notes["healed"] = round(run.healed(30), 1)
    run.served(10)


@scenario("after a promotion the new primary is gone for 8 s, and the old one comes back as it was: it is behind what "
          "was acknowledged, and takes writes from everybody else", pair())
def primary_that_is_behind(run):
    run.pair.primary.kill()
    promote(run)
    run.healed()
    run.served(10)
    run.pair.standby.kill()
    run.pair.primary.configure(synchronous_standby_names="''")
    run.pair.primary.start()
    moment = run.load.journal.now()
    time.sleep(8)
    acknowledged = run.acknowledged_since(moment)
    run.pair.primary.kill()
    run.pair.standby.start()
    run.notes["healed"] = round(run.healed(30), 1)
    run.served(5)
    if acknowledged:
        raise Failed("orders were acknowledged by a primary that is behind")
