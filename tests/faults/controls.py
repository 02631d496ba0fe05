"""What must be found out: a harness that finds nothing, whatever happens, proves nothing."""
import time

import program as vartai
from bed import Failed, until
from on_pair import promote
from on_patroni import clustered, healed
from table import pair, scenario


def the_loss(_run, verdict):
    return [] if verdict.lost else ["acknowledged orders were lost, and the checker saw nothing"]


@scenario("control: the standby is asynchronous and its link silent when the primary is killed: what was acknowledged "
          "is lost and must be found out; the promoted standby is behind, and nothing is written there",
          pair(synchronous=False), judge=the_loss, quick=True)
def control_asynchronous_standby(run):
    run.link.silent = True
    run.served(10)
    run.pair.primary.kill()
    promote(run)
    moment = run.load.journal.now()
    time.sleep(3)
    if run.acknowledged_since(moment):
        raise Failed("orders were acknowledged by a server that lacks what was acknowledged")
    # Nothing goes on there, so nothing is waited for.
    run.settled_within = 2


def only_the_lie(run, verdict):
    lies = [line for line in verdict.findings if "a-lie" in line]
    if verdict.lost != 1 or len(lies) != 1 or len(verdict.findings) != 1:
        return ["the lie was not found, or not alone", *verdict.findings]
    return []


@scenario("control: nothing fails, but the journal of the customers is forged: one order more was acknowledged than "
          "was placed", pair(), judge=only_the_lie, quick=True)
def control_forged_journal(run):
    run.served(10)
    forged = run.load.journal.intend(vartai.CUSTOMERS[0], "createOrder", {"requestid": "a-lie"}, "apih", "a-lie")
    run.load.journal.told(forged, "SUCCESS", {"orderid": "999999"}, 0.1)


def noticed(run):
    """Whether gateways have seen that something was lost. They write nothing over it."""
    return any("the database is behind" in serve.logged() for serve in run.serves)


def lost_or_not(run, verdict):
    """Whatever was lost was noticed."""
    if not verdict.lost:
        return verdict.findings
    if noticed(run):
        return []
    return ["acknowledged orders were lost, and no gateway noticed", *verdict.findings]


@scenario("control: a leader's machine is frozen for 50 to 70 s, no watchdog resets it, and it wakes up beside the new "
          "leader: where Patroni makes it leader again, what was acknowledged meanwhile is lost, and must be noticed",
          clustered, judge=lost_or_not)
def patroni_leader_frozen_without_a_watchdog(run):
    frozen = run.cluster.nodes[run.cluster.leader()]
    frozen.watchdog.working = False
    frozen.freeze()
    began, lasts = time.monotonic(), run.random.uniform(50, 70)
    try:
        healed(run, lasts)
        time.sleep(max(0.0, lasts - (time.monotonic() - began)))
    finally:
        frozen.thaw()
        frozen.watchdog.working = True
    until("there is a leader", run.cluster.leader, 60, 0.3)
    run.pause(10, 15)
    if noticed(run):
        # Nothing goes on there, so nothing is waited for.
        run.settled_within = 20
