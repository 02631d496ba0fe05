"""The network between the program and its database fails."""
import time

from bed import until
from table import linked, scenario


def recovered(run):
    """The network is as before, and customers are served."""
    run.link.recover()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("answers to COMMIT get lost: their connections are reset, half-closed, or a black hole", linked(), quick=True)
def answers_to_commits_lost(run):
    for _ in range(3):
        how, times = run.random.choice(["reset", "half", "hole"]), run.random.randint(2, 5)
        before = run.link.swallowed
        run.link.swallow_answers(how, times)
        until("the answers were lost", lambda: run.link.swallowed >= before + times, 30)
        run.link.recover()
        run.healed()
    run.notes["cuts"] = run.link.swallowed


@scenario("a black hole for 3 to 12 s, both ways", linked())
def black_hole(run):
    run.link.silent = True
    run.pause(3, 12)
    recovered(run)


@scenario("a black hole for 3 to 12 s for what the database answers: it is asked, and does what it is asked", linked())
def black_hole_of_answers(run):
    run.link.deaf = True
    run.pause(3, 12)
    recovered(run)


@scenario("a black hole for 1 to 5 s, then all connections are gone", linked())
def black_hole_then_reset(run):
    run.link.silent = True
    run.pause(1, 5)
    run.link.reset()
    recovered(run)


@scenario("all connections are reset, eight times within some seconds", linked())
def connections_reset(run):
    for _ in range(8):
        run.link.reset()
        run.pause(0.1, 1.2)
    run.notes["cuts"] = run.link.cuts
    run.served(5)


@scenario("connections are cut and refused for 2 to 8 s", linked())
def connections_refused(run):
    run.link.refusing = True
    run.link.reset()
    run.pause(2, 8)
    recovered(run)


@scenario("each message takes up to 60 ms for some seconds, and answers to COMMIT get lost meanwhile", linked())
def slow_and_lossy(run):
    run.link.latency = run.random.uniform(0.005, 0.03)
    run.link.swallow_answers(run.random.choice(["reset", "half"]), 4)
    until("the answers were lost", lambda: run.link.swallowed >= 4, 60)
    run.served(5)
    run.link.recover()
    run.served(5)


@scenario("a database by URL is restarted as administrators do (fast shutdown)", linked())
def database_restarted(run):
    run.pause(0.0, 1.0)
    run.server.stop()
    run.pause(0.0, 2.0)
    run.server.start()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("all of a database by URL is frozen for 3 to 10 s (SIGSTOP), and thawed", linked())
def database_frozen(run):
    run.server.freeze()
    run.pause(3, 10)
    run.server.thaw()
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)


@scenario("a backend under way is killed -9, six times: PostgreSQL ends all sessions and recovers", linked(callers=8))
def backends_killed(run):
    for _ in range(6):
        run.healed()
        pid = run.server.value("select pid from pg_stat_activity where usename = 'vartai_live' "
                               "order by state = 'active' desc, backend_xid is null, random() limit 1")
        run.server.bed.run(["kill", "-KILL", pid])
        time.sleep(run.random.uniform(0.0, 0.5))
    run.notes["healed"] = round(run.healed(), 1)
    run.served(5)
