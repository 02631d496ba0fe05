"""Client of the HTTP gateway of {company}. One file: Python 3.8 or later, with nothing but its standard library.

The gateway wrote it out of what it runs, version {version}: {url}/apidoc/vartai_client.py

    from vartai_client import Gateway, Servers
    gateway = Gateway("login", "API key")
    order = gateway.createOrder(tarifid=10, vid="vds", period=1, requestid="invoice-2041")
    servers = Servers("nick", "password")
    info = servers.server_info(id=order["orderid"])

Values are texts, as they come; json.php has None where there is none. Money is a decimal text: compute with
decimal.Decimal, never with floats. A refusal is raised as Refused, an answer that never came as NoAnswer; both are a
Failure. What was accepted but is not done (30, 31) is returned, and code_of(answer) tells what it means.

Every writing call of Gateway has a requestid: yours, or one that is made. When no answer comes it is sent again with the
same one, so that nothing is done twice. After a Failure, `failure.requestid` is what to send again with, for 24 hours.
"""

import http.client
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple

__all__ = ["Code", "Failure", "Gateway", "NoAnswer", "Refused", "Servers", "code_of"]


class Code(NamedTuple):
    """A code, and what follows from it."""

    id: str
    critical: bool  # whether nothing was done
    charged: str  # no, unknown, yes, or later: when the invoice is paid
    again: str  # useless: it is answered so again; later: after a pause; requestid: with the same one; no: it is accepted
    text: str  # in English


class Failure(Exception):
    """What is raised: `command`, and the `requestid` that the same call must have to be sent again, if it has one."""

    command = ""
    requestid = None


class NoAnswer(Failure):
    """No answer, or one that can't be read: what became of the call is not known."""


class Refused(Failure):
    """The call was refused; unless `meaning.charged` says otherwise, nothing was done.

    `id` is the code: "19", or on json.php its name, such as "suspended"; "unknown" where this file is older than the
    gateway. `status` is HTTP's, `meaning` a Code.
    """

    def __init__(self, status, meaning, text):
        super().__init__(text)
        self.status, self.meaning, self.id = status, meaning, meaning.id


def code_of(answer):
    """What an answer says beside its fields (30, 31); None where it says nothing."""
    return _gateway_code(answer["errorCode"]) if "errorCode" in answer else None


def _gateway_code(number):
    return Code(number, *_CODES.get(number, (True, "unknown", "useless", "A code that this file does not know.")))


def _servers_code(status, text):
    text = text.split(": ")[0]
    for name, (of, texts, row) in _REFUSALS.items():
        if of == status and text in texts:
            return Code(name, *row)
    return Code("unknown", True, "unknown", "useless", "A refusal that this file does not know.")


class _Straight(urllib.request.HTTPRedirectHandler):
    """Secrets are sent where they were told to, and nowhere else."""

    def redirect_request(self, *_):
        return None


class _Client:
    """`timeout` is of one attempt, `pauses` are before the attempts after the first; all in seconds."""

    def __init__(self, url, who, timeout=15, pauses=(1, 3, 9)):
        self._url, self._who, self._timeout, self._pauses = url, who, timeout, tuple(pauses)
        self._opener = urllib.request.build_opener(_Straight)

    def _call(self, command, fields):
        repeat = _COMMANDS[command]
        fields = {name: str(value) for name, value in fields.items() if value is not None}
        if repeat == "requestid" and not fields.get("requestid", "").strip():
            fields["requestid"] = "py-" + secrets.token_hex(12)
        body = urllib.parse.urlencode({"command": command, **self._who, **fields}).encode()
        for pause in (*self._pauses, None):
            wait = 0
            try:
                status, said, wait = self._send(body)
                return self._read(status, said)
            except Failure as failure:
                failure.command, failure.requestid = command, fields.get("requestid")
                if pause is None or not _again(repeat, failure):
                    raise
            time.sleep(max(pause, min(wait, 60)))

    def _send(self, body):
        """Sends one request: status, body, and how many seconds to wait before another."""
        end = time.monotonic() + self._timeout
        try:
            try:
                answer = self._opener.open(self._url, body, timeout=self._timeout)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                said = bytearray()
                while True:
                    part = answer.read1(65536)
                    said += part
                    if not part:
                        break
                    if time.monotonic() > end:
                        raise NoAnswer("the answer took too long")
                length, wait = answer.headers.get("Content-Length"), answer.headers.get("Retry-After", "")
                if length is not None and int(length) != len(said):
                    raise NoAnswer("the answer broke off")
                return answer.getcode(), bytes(said), int(wait) if wait.isdigit() else 0
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(str(error)) from error

    def _tree(self, status, said):
        try:
            return json.loads(said)
        except ValueError as error:
            raise NoAnswer(f"HTTP {status}, and no answer that can be read") from error


def _again(repeat, failure):
    """Whether a call may be sent again at once, by itself."""
    safe = repeat in ("always", "requestid")
    if not isinstance(failure, Refused):
        return safe
    meaning = failure.meaning
    after_a_pause = meaning.again == "later" and (safe or meaning.charged == "no")
    return after_a_pause or (meaning.again == "requestid" and safe)


class Gateway(_Client):
    """apih.php: orders, tariffs and the balance of a reseller.

    By an API key; by a password with password=True.
    """

    def __init__(self, login, secret, password=False, url={apih}, **options):
        super().__init__(url, {"login": login, "pass" if password else "apikey": secret, "json": "1"}, **options)

    def _read(self, status, said):
        answer = self._tree(status, said)
        if not isinstance(answer, dict) or "status" not in answer:
            raise NoAnswer(f"HTTP {status}, and no answer of the gateway's")
        if answer["status"] == "SUCCESS":
            return answer
        raise Refused(status, _gateway_code(answer.get("errorCode", "")), answer.get("errorMsg", ""))
{gateway}

class Servers(_Client):
    """json.php: an account and its servers, by an API user of the account."""

    def __init__(self, nick, password, url={json}, **options):
        super().__init__(url, {"nick": nick, "password": password}, **options)

    def _read(self, status, said):
        answer = self._tree(status, said)
        if status == 200:
            return answer
        text = answer.get("error", "") if isinstance(answer, dict) else ""
        raise Refused(status, _servers_code(status, text), text)
{servers}

_COMMANDS = {
{commands}}

_CODES = {
{codes}}

_REFUSALS = {
{refusals}}
