"""Three nodes under Patroni, with two gateways and two workers: what happens to nodes, and what the runbook does."""
import signal
import time

import bed
import patroni
import program as vartai
import templates
from bed import Failed, until
from table import scenario


def clustered(run):
    """The cluster stays from run to run as long as it is well: making it takes longer than a run."""
    run.cluster = run.templates.patroni(made)
    run.asks = run.cluster.ask
    run.bed.run(["cp", "-a", run.cluster.bed.dir / "var", run.bed.dir / "var"])
    run.installation = vartai.Installation(run.bed, run.templates.program, run.cluster.url())
    run.keys = templates.customers(run.cluster.bed.dir)
    run.begin(2, 2)
    run.call(vartai.CUSTOMERS[:6], run.keys)


def made(program):
    cluster = patroni.Cluster()
    installation = vartai.Installation(cluster.bed, program, cluster.url())
    installation.staff("migrate")
    vartai.furnish(installation)
    return cluster


def healed(run, seconds=120):
    run.notes["healed"] = round(run.healed(seconds), 1)
    run.served(10)


def machine_lost(run, lost):
    """It is switched off, customers are served without it, and it comes back by the runbook."""
    run.pause(0.0, 2.0)
    run.cluster.nodes[lost].lose()
    healed(run)
    run.cluster.nodes[lost].power_on()
    run.cluster.procedure("A node comes back", NODE=lost)
    run.cluster.well()


@scenario("Patroni: switchover to the synchronous standby, by the runbook", clustered)
def patroni_switchover(run):
    leader, candidate = run.cluster.leader(), run.cluster.synchronous()
    run.pause(0.0, 2.0)
    run.cluster.procedure("Switchover", LEADER=leader, CANDIDATE=candidate)
    until("the candidate is leader", lambda: run.cluster.leader() == candidate, 60)
    healed(run)
    run.cluster.well()


@scenario("Patroni: the leader's postmaster is killed -9", clustered)
def patroni_leader_killed(run):
    run.pause(0.0, 2.0)
    bed.hit(run.cluster.nodes[run.cluster.leader()].postmaster(), signal.SIGKILL)
    healed(run)
    run.cluster.well()


@scenario("Patroni: the leader's machine is switched off; another is promoted, the machine comes back by the runbook",
          clustered)
def patroni_leader_lost(run):
    machine_lost(run, run.cluster.leader())
    run.served(5)


@scenario("Patroni: the leader's machine is frozen; its watchdog resets it, and another is promoted", clustered)
def patroni_leader_frozen(run):
    frozen = run.cluster.nodes[run.cluster.leader()]
    resets = frozen.watchdog.resets
    run.pause(0.0, 2.0)
    frozen.freeze()
    until("the watchdog has reset the machine", lambda: frozen.watchdog.resets > resets, 60)
    healed(run)
    run.cluster.well(180)


@scenario("Patroni: the synchronous standby's machine is switched off; the other standby becomes synchronous",
          clustered)
def patroni_standby_lost(run):
    machine_lost(run, run.cluster.synchronous())
    run.served(5)


@scenario("Patroni: etcd on two nodes is killed -9 for 20 s, and brought back by the runbook", clustered)
def patroni_quorum_lost(run):
    leader = run.cluster.leader()
    others = [node for node in run.cluster.nodes.values() if node.name != leader]
    for node in others:
        node.children["etcd"].send_signal(signal.SIGKILL)
        node.children["etcd"].wait(10)
    time.sleep(20)
    ends = ",".join(f"http://{node.address}:2379" for node in run.cluster.nodes.values())
    for node in others:
        run.cluster.start_by_runbook(node.name)
    until("etcd is well", run.cluster.etcd_is_well, 60)
    run.cluster.procedure("etcd has no quorum", NODE=leader, ENDPOINTS=ends)
    healed(run)
    run.cluster.well()


@scenario("Patroni: a standby is copied anew by the runbook, under load", clustered)
def patroni_standby_copied_anew(run):
    standby = run.cluster.of_role("Replica")
    if standby not in run.cluster.procedure("Looking"):
        raise Failed(f"{standby} is not in what patronictl lists")
    run.cluster.procedure("A node is copied anew", NODE=standby)
    run.served(10)
    run.cluster.well()
