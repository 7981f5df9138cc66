"""Tests all consumers of access tokens with the same tokens: real ones of a real server, forged ones, and valid and
invalid ones that PyJWT signs. Prints totals in the format that scripts/test.sh counts."""

import contextlib
import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
import urllib.request
from unittest import mock

import consumers
import jwt
import tokens

ANN = {"email": "ann@example.org", "password": "correct horse battery staple", "token_delivery": "body"}
results = []


def main(algorithm, auth, auth_server, resource_server):
    # Flask logs the errors of an API without keys.
    logging.disable(logging.CRITICAL)
    check = Check(algorithm)
    if algorithm == "HS256":
        shared_secret(check, auth, auth_server)
    else:
        real_tokens(check, auth, auth_server, resource_server)
        tokens_by_pyjwt(check, resource_server)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


class Check:
    """Validates tokens and records the results."""

    def __init__(self, algorithm):
        self.algorithm = algorithm

    def accepts(self, consumer, validate, what, token, **expected):
        status, claims = validate(token)
        actual = {name: (claims or {}).get(name) for name in expected}
        self.record(f"{consumer} accepts {what}", status == 200 and actual == expected, f"{status} {actual}")

    def rejects(self, consumer, validate, what, token):
        status, _ = validate(token)
        self.record(f"{consumer} rejects {what}", status == 401, status)

    def record(self, name, passed, detail):
        results.append(passed)
        verdict = "... ok" if passed else f"({detail}) ... FAILED"
        print(f"test consumers {self.algorithm}: {name} {verdict}", flush=True)


def real_tokens(check, auth, auth_server, resource_server):
    registered = register(auth, auth_server)
    ann = log_in(auth)
    me = {"sub": ann["user"]["id"], "roles": ["analyst"]}
    [public_jwk] = key_set(auth)
    for_mail = log_in(auth, audience="mail")["access_token"]
    forged = list(tokens.forged(ann["access_token"], public_jwk))
    with consumers.all_for(check.algorithm, auth, "api", resource_server) as all_consumers:
        for consumer, validate in all_consumers.items():
            check.accepts(consumer, validate, "the token of a login", ann["access_token"], **me)
            check.accepts(consumer, validate, "a user without roles", registered["access_token"], roles=[])
            check.rejects(consumer, validate, "a refresh token", ann["refresh_token"])
            check.rejects(consumer, validate, "a token for another audience", for_mail)
            for how, token in forged:
                check.rejects(consumer, validate, how, token)
        if check.algorithm == "ES256":
            new_key(check, auth, auth_server, ann["access_token"], all_consumers)
    # The same server under another name: the keys are valid, the issuer is not.
    elsewhere = auth.replace("127.0.0.1", "localhost")
    with consumers.all_for(check.algorithm, elsewhere, "api", resource_server) as all_consumers:
        for consumer, validate in all_consumers.items():
            check.rejects(consumer, validate, "the issuer under another name", log_in(auth)["access_token"])


def new_key(check, auth, auth_server, old, all_consumers):
    """Retires the signing key that all consumers have. They must fetch the next one. Authlib is left out, because
    its file fetches keys once a minute."""
    kid = jwt.get_unverified_header(old)["kid"]
    subprocess.run([auth_server, "keys", "retire", kid], check=True, stdout=subprocess.DEVNULL)
    is_new = lambda token: jwt.get_unverified_header(token)["kid"] != kid
    new = poll(lambda: log_in(auth)["access_token"], is_new)
    for consumer, validate in all_consumers.items():
        if consumer != "Authlib":
            poll(lambda: validate(new)[0], lambda status: status == 200)
            check.accepts(consumer, validate, "a new key", new, roles=["analyst"])
            check.rejects(consumer, validate, "the key that was retired", old)


def tokens_by_pyjwt(check, resource_server):
    signer = tokens.Signer(check.algorithm)
    with issuer([signer.jwk()]) as url:
        good = tokens.claims(url, "api")
        bad = list(tokens.wrong_in_one_thing(signer, url, "api"))
        with consumers.all_for(check.algorithm, url, "api", resource_server) as all_consumers:
            for consumer, validate in all_consumers.items():
                me = {"sub": good["sub"], "roles": ["analyst"]}
                check.accepts(consumer, validate, "what PyJWT signed", signer.sign(good), **me)
                many = signer.sign(good | {"aud": ["mail", "api"]})
                check.accepts(consumer, validate, "one of several audiences", many, **me)
                for what, token in bad:
                    check.rejects(consumer, validate, what, token)
            pyjwt = all_consumers["PyJWT"]
        gone = url
    # The issuer has stopped.
    later = time.monotonic() + 23 * 3600
    with mock.patch("time.monotonic", lambda: later):
        check.accepts("PyJWT", pyjwt, "a token after an outage of 23 hours", signer.sign(good), sub=good["sub"])
    without_keys(check, "the issuer does not respond", gone, signer.sign(good), resource_server)
    with issuer([], status=503) as url:
        without_keys(check, "the issuer returns 503", url, signer.sign(good), resource_server)


def without_keys(check, why, url, token, resource_server):
    """Without keys a consumer must not reject a token, because that would log the user out."""
    with consumers.all_for(check.algorithm, url, "api", resource_server) as all_consumers:
        for consumer, validate in all_consumers.items():
            status, _ = validate(token)
            check.record(f"{consumer} rejects no token when {why}", status in (500, 503), status)


def shared_secret(check, auth, auth_server):
    register(auth, auth_server)
    ann = log_in(auth)
    validate = consumers.function({"ISSUER": auth, "AUDIENCE": "api"}, "with_shared_secret.py")
    signer = tokens.Secret(os.environ["JWT_ACCESS_SECRET"])
    good = tokens.claims(auth, "api")
    me = {"sub": ann["user"]["id"], "roles": ["analyst"]}
    check.accepts("PyJWT", validate, "the token of a login", ann["access_token"], **me)
    check.accepts("PyJWT", validate, "what PyJWT signed", signer.sign(good), sub=good["sub"])
    check.rejects("PyJWT", validate, "a refresh token", ann["refresh_token"])
    for_mail = log_in(auth, audience="mail")["access_token"]
    check.rejects("PyJWT", validate, "a token for another audience", for_mail)
    check.rejects("PyJWT", validate, "another secret", tokens.Secret("x" * 32).sign(good))
    for what, token in tokens.wrong_in_one_thing(signer, auth, "api"):
        check.rejects("PyJWT", validate, what, token)


@contextlib.contextmanager
def issuer(keys, status=200):
    """A server that has only a key set."""

    class KeySet(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"keys": keys}).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), KeySet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def register(auth, auth_server):
    """Registers Ann and gives her a role."""
    registered = post(auth, "/auth/register", **ANN)
    set_roles = [auth_server, "users", "set-roles", ANN["email"], "analyst"]
    subprocess.run(set_roles, check=True, stdout=subprocess.DEVNULL)
    return registered


def log_in(auth, **more):
    return post(auth, "/auth/login", **ANN, **more)


def key_set(auth):
    with urllib.request.urlopen(auth + "/.well-known/jwks.json", timeout=30) as response:
        return json.load(response)["keys"]


def post(auth, path, **body):
    json_type = {"Content-Type": "application/json"}
    request = urllib.request.Request(auth + path, json.dumps(body).encode(), json_type)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def poll(request, is_accepted):
    """The first accepted result, or the last one after 30 seconds."""
    deadline = time.monotonic() + 30
    while not is_accepted(result := request()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return result


sys.exit(main(*sys.argv[1:]))
