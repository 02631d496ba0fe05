"""A network that can fail, between a program and a server: TCP, with the faults of `testkit`'s proxy and more.

It knows enough of PostgreSQL's protocol to see a COMMIT go and its answer come; all else is bytes.
"""
import random
import selectors
import socket
import threading
import time

COMMIT = b"Q\0\0\0\x0bCOMMIT\0"
COMMITTED = b"COMMIT\0"


class Link:
    """Listens at `address`; what comes there goes on to where it was told to lead."""

    def __init__(self, seed=0):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.address = self.listener.getsockname()
        self.target = None
        self.random = random.Random(seed)
        self.silent = self.deaf = self.refusing = False
        self.latency = 0.0
        # What befalls connections whose COMMIT got its answer: "reset", "half" or "hole"; so many more times.
        self.swallow, self.swallowing, self.swallowed = None, 0, 0
        self.cuts = 0
        self.pairs = set()
        self.lock = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def lead(self, target):
        self.target = target

    def reset(self):
        """Cuts all connections, as a firewall does that lost its table."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            pair.reset()
        self.cuts += len(pairs)

    def swallow_answers(self, how, times):
        """The next so many answers to a COMMIT don't come back; what becomes of their connections says `how`."""
        self.swallow, self.swallowing = how, times

    def recover(self):
        self.silent = self.deaf = self.refusing = False
        self.latency, self.swallowing = 0.0, 0

    def close(self):
        self.refusing = True
        self.listener.close()
        self.reset()

    def takes_answer(self):
        """Whether this answer to a COMMIT is one that gets lost."""
        with self.lock:
            if self.swallowing <= 0:
                return False
            self.swallowing -= 1
            self.swallowed += 1
            return True

    def _listen(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._accept, args=(client,), daemon=True).start()

    def _accept(self, client):
        if self.refusing or self.target is None:
            cut(client)
            return
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            cut(client)
            return
        pair = Pair(self, client, server)
        with self.lock:
            self.pairs.add(pair)
        try:
            pair.relay()
        finally:
            with self.lock:
                self.pairs.discard(pair)


class Pair:
    """One connection, through the link."""

    def __init__(self, link, client, server):
        self.link, self.client, self.server = link, client, server
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(10)
        self.over = self.lost = self.committing = False

    def reset(self):
        self.over = True
        for end in (self.client, self.server):
            cut(end)

    def relay(self):
        """Passes bytes on until either side ends. A silent link reads nothing, so senders see what TCP sees."""
        with selectors.DefaultSelector() as ready:
            ready.register(self.client, selectors.EVENT_READ)
            ready.register(self.server, selectors.EVENT_READ)
            while not self.over:
                if self.link.silent or self.lost:
                    time.sleep(0.02)
                    continue
                for key, _ in ready.select(0.1):
                    end = key.fileobj
                    if self.link.silent or (self.link.deaf and end is self.server):
                        time.sleep(0.02)
                    elif not self.step(end):
                        self.reset()
                        return
            self.reset()

    def step(self, end):
        try:
            data = end.recv(64 * 1024)
            if not data:
                return False
            if self.link.latency:
                time.sleep(self.link.random.uniform(0, 2 * self.link.latency))
            if end is self.client:
                self.committing = data.endswith(COMMIT)
                self.server.sendall(data)
                return True
            if self.committing and COMMITTED in data and self.link.takes_answer():
                return self.swallow()
            self.client.sendall(data)
            return True
        except OSError:
            return False

    def swallow(self):
        """The answer to a COMMIT is gone; and the connection?"""
        match self.link.swallow:
            case "hole":
                self.lost = True
            case "half":
                # The server's side has ended, the client may still write.
                self.client.shutdown(socket.SHUT_WR)
                self.lost = True
            case _:
                return False
        return True


def cut(end):
    """Closes with RST: nothing more is delivered."""
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    except OSError:
        pass
    end.close()
