"""A mail server that does as a file says: aiosmtpd, from Debian's python3-aiosmtpd.

smtpd.py DIRECTORY PORT [starttls|tls]. It says "ready PORT" and serves until stdin ends. With TLS, after STARTTLS or
from the start, it has the certificate in DIRECTORY/cert.pem and key.pem, and lets in vartai with "a right password",
and nobody else: what it was told instead is counted, a line each, in DIRECTORY/refused. DIRECTORY/mode has one of:

  accept   take every message
  greylist refuse a receiver the first time (450), take it the second
  reject   refuse every receiver for good (550)
  closed   let nobody send (530)
  die      take the message, and drop the connection before saying so

What was taken is in DIRECTORY/taken, a line of JSON a message, with headers and bodies decoded by Python's own library.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

directory, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])
security = sys.argv[3] if len(sys.argv) > 3 else None
seen = set()


def mode():
    return (directory / "mode").read_text().strip()


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if mode() == "closed":
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode() == "reject":
            return "550 5.1.1 No such user here"
        if mode() == "greylist" and address not in seen:
            seen.add(address)
            return "450 4.7.1 Greylisted, come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body((kind,)).get_content().replace("\r\n", "\n")
        taken = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "raw": envelope.content.decode("ascii"),
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": part("plain"),
            "html": part("html"),
        }
        with open(directory / "taken", "a") as file:
            file.write(json.dumps(taken) + "\n")
        if mode() == "die":
            server.transport.abort()
        return "250 2.0.0 Taken"


def let_in(server, session, envelope, mechanism, said):
    right = said.login == b"vartai" and said.password == b"a right password"
    if not right:
        with open(directory / "refused", "a") as file:
            file.write(said.login.decode() + "\n")
    return AuthResult(success=right, handled=False)


def serve():
    if security is None:
        return SMTP(Handler(), hostname="mail.test")
    login = {"authenticator": let_in, "auth_required": True}
    if security == "tls":
        return SMTP(Handler(), hostname="mail.test", auth_require_tls=False, **login)
    return SMTP(Handler(), hostname="mail.test", tls_context=tls(), require_starttls=True, **login)


def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
    return context


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(serve, "127.0.0.1", port, ssl=tls() if security == "tls" else None)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
