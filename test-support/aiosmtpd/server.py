"""Runs aiosmtpd on three free ports: without encryption, with STARTTLS, and with TLS; the last two require a login.

Arguments: the files of the certificate and its key, a user and their password. Prints the ports and then each mail that
arrives, as lines of JSON.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

certificate, key, user, password = sys.argv[1:]
# It warns of logins without encryption and of its own attributes, and reports connections that clients end.
logging.disable(logging.ERROR)
warnings.simplefilter("ignore")


def show(value):
    print(json.dumps(value), flush=True)


def authenticate(server, session, envelope, mechanism, data):
    if (data.login.decode(), data.password.decode()) == (user, password):
        return AuthResult(success=True, auth_data=user)
    # aiosmtpd sends the response.
    return AuthResult(success=False, handled=False)


class Handler:
    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        connection = server.transport.get_extra_info("ssl_object")
        show({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": connection and connection.version(),
            "login": session.auth_data,
            "headers": {name: message[name] for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")},
            "text": message.get_body(("plain",)).get_content(),
            "html": message.get_body(("html",)).get_content(),
        })
        return "250 2.0.0 received"


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    login = {"authenticator": authenticate, "auth_required": True}
    kinds = {
        "none": ({}, None),
        "starttls": (login | {"tls_context": context, "require_starttls": True}, None),
        # It does not recognize that the connection is encrypted from the start.
        "tls": (login | {"auth_require_tls": False}, context),
    }
    ports = {}
    for name, (options, encryption) in kinds.items():
        smtp = lambda options=options: SMTP(Handler(), hostname="localhost", enable_SMTPUTF8=True, **options)
        server = await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", 0, ssl=encryption)
        ports[name] = server.sockets[0].getsockname()[1]
    show(ports)
    await asyncio.Event().wait()


asyncio.run(main())
