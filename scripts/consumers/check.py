"""Holds everybody who believes access tokens to one table: real tokens of a real server, forgeries of them, and
tokens that PyJWT has signed to our rules and against them. Prints totals in the words that scripts/test.sh counts."""

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

import consumers
import jwt
import tokens

ANN = {"email": "ann@example.org", "password": "correct horse battery staple", "token_delivery": "body"}
results = []


def main(algorithm, auth, auth_server, resource_server):
    # Flask logs what an API throws that has no keys.
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
    """Asks, and writes down what became of it."""

    def __init__(self, algorithm):
        self.algorithm = algorithm

    def accepts(self, who, ask, what, token, **expected):
        status, claims = ask(token)
        said = {name: (claims or {}).get(name) for name in expected}
        self.note(f"{who} accepts {what}", status == 200 and said == expected, f"{status} {said}")

    def refuses(self, who, ask, what, token):
        status, _ = ask(token)
        self.note(f"{who} refuses {what}", status == 401, status)

    def note(self, name, passed, detail):
        results.append(passed)
        verdict = "... ok" if passed else f"({detail}) ... FAILED"
        print(f"test consumers {self.algorithm}: {name} {verdict}", flush=True)


def real_tokens(check, auth, auth_server, resource_server):
    person = register(auth, auth_server)
    ann = log_in(auth)
    me = {"sub": ann["user"]["id"], "roles": ["analyst"]}
    [public_jwk] = key_set(auth)
    for_mail = log_in(auth, audience="mail")["access_token"]
    forged = list(tokens.forged(ann["access_token"], public_jwk))
    with consumers.all_for(check.algorithm, auth, "api", resource_server) as everybody:
        for who, ask in everybody.items():
            check.accepts(who, ask, "the token of a login", ann["access_token"], **me)
            check.accepts(who, ask, "somebody without roles", person["access_token"], roles=[])
            check.refuses(who, ask, "a refresh token", ann["refresh_token"])
            check.refuses(who, ask, "a token for another audience", for_mail)
            for how, token in forged:
                check.refuses(who, ask, how, token)
        if check.algorithm == "ES256":
            new_key(check, auth, auth_server, ann["access_token"], everybody)
    # The same server under another name: its keys fit, its issuer does not.
    elsewhere = auth.replace("127.0.0.1", "localhost")
    with consumers.all_for(check.algorithm, elsewhere, "api", resource_server) as everybody:
        for who, ask in everybody.items():
            check.refuses(who, ask, "the issuer under another name", log_in(auth)["access_token"])


def new_key(check, auth, auth_server, old, everybody):
    """The signing key is retired while everybody holds it. They must find the next one; Authlib's file is not waited
    for, as it fetches once a minute."""
    kid = jwt.get_unverified_header(old)["kid"]
    subprocess.run([auth_server, "keys", "retire", kid], check=True, stdout=subprocess.DEVNULL)
    is_new = lambda token: jwt.get_unverified_header(token)["kid"] != kid
    new = poll(lambda: log_in(auth)["access_token"], is_new)
    for who, ask in everybody.items():
        if who != "Authlib":
            poll(lambda: ask(new)[0], lambda status: status == 200)
            check.accepts(who, ask, "a key that it did not know", new, roles=["analyst"])
            check.refuses(who, ask, "the key that was retired", old)


def tokens_by_pyjwt(check, resource_server):
    signer = tokens.Signer(check.algorithm)
    with issuer([signer.jwk()]) as url:
        good = tokens.claims(url, "api")
        bad = list(tokens.wrong_in_one_thing(signer, url, "api"))
        with consumers.all_for(check.algorithm, url, "api", resource_server) as everybody:
            for who, ask in everybody.items():
                me = {"sub": good["sub"], "roles": ["analyst"]}
                check.accepts(who, ask, "what PyJWT signed", signer.sign(good), **me)
                many = signer.sign(good | {"aud": ["mail", "api"]})
                check.accepts(who, ask, "one of several audiences", many, **me)
                for what, token in bad:
                    check.refuses(who, ask, what, token)
        gone = url
    without_keys(check, "nobody answers", gone, signer.sign(good), resource_server)
    with issuer([], status=503) as url:
        without_keys(check, "the answer is 503", url, signer.sign(good), resource_server)


def without_keys(check, why, url, token, resource_server):
    """Whoever has no keys must not call a token bad: its owner would be logged out."""
    with consumers.all_for(check.algorithm, url, "api", resource_server) as everybody:
        for who, ask in everybody.items():
            status, _ = ask(token)
            check.note(f"{who} blames no token when {why} for keys", status in (500, 503), status)


def shared_secret(check, auth, auth_server):
    register(auth, auth_server)
    ann = log_in(auth)
    ask = consumers.function({"ISSUER": auth, "AUDIENCE": "api"}, "with_shared_secret.py")
    signer = tokens.Secret(os.environ["JWT_ACCESS_SECRET"])
    good = tokens.claims(auth, "api")
    me = {"sub": ann["user"]["id"], "roles": ["analyst"]}
    check.accepts("PyJWT", ask, "the token of a login", ann["access_token"], **me)
    check.accepts("PyJWT", ask, "what PyJWT signed", signer.sign(good), sub=good["sub"])
    check.refuses("PyJWT", ask, "a refresh token", ann["refresh_token"])
    for_mail = log_in(auth, audience="mail")["access_token"]
    check.refuses("PyJWT", ask, "a token for another audience", for_mail)
    check.refuses("PyJWT", ask, "another secret", tokens.Secret("x" * 32).sign(good))
    for what, token in tokens.wrong_in_one_thing(signer, auth, "api"):
        check.refuses("PyJWT", ask, what, token)


@contextlib.contextmanager
def issuer(keys, status=200):
    """A server that has a key set and nothing else."""

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
    """Ann, who has a role from then on."""
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


def poll(ask, is_right):
    """The first answer that is right, or the last one after half a minute."""
    deadline = time.monotonic() + 30
    while not is_right(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer


sys.exit(main(*sys.argv[1:]))
