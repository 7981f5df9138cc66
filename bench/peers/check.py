"""Checks that the apps of this folder do what they are measured for. Run by check.sh."""

import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

APPS = ["flask", "fastapi", "express"]
ANN = {"email": "ann@example.org", "password": "correct horse battery staple"}
results = []


def check(name, passed, seen=""):
    results.append(bool(passed))
    print(f"  {'ok    ' if passed else 'FAILED'}  {name}{'' if passed else f': {seen}'}", flush=True)


def call(url, body=None, token=None):
    """The status and the JSON of the response. With a body the method is POST."""
    headers = {"Content-Type": "application/json"} if body else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body else None
    try:
        with urlopen(Request(url, data, headers), timeout=10) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, {}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def check_app(base):
    refresh = lambda token: call(f"{base}/auth/refresh", {"refresh_token": token})
    protected = lambda token: call(f"{base}/protected", token=token)

    status, first = call(f"{base}/auth/register", ANN)
    check("registration returns tokens", status == 201 and len(first) == 2, (status, first))
    check("a second registration is rejected", call(f"{base}/auth/register", ANN)[0] == 409)
    status, tokens = call(f"{base}/auth/login", ANN)
    check("login returns tokens", status == 200 and tokens.keys() == first.keys(), (status, tokens))
    for wrong in ({"password": "wrong"}, {"email": "bob@example.org"}):
        status, _ = call(f"{base}/auth/login", ANN | wrong)
        check(f"login with {wrong} is rejected", status == 401, status)

    status, greeting = protected(tokens["access_token"])
    user = greeting.pop("user_id", "")
    expected = {"message": "Hello there", "roles": []}
    check("the protected route greets", status == 200 and len(user) == 36 and greeting == expected, (status, greeting))
    header, claims, signature = tokens["access_token"].split(".")
    forged = f"{header}.{claims}.{'A' * len(signature)}"
    for name, token in [("no token", None), ("a refresh token", tokens["refresh_token"]), ("a forged token", forged)]:
        status, _ = protected(token)
        check(f"the protected route rejects {name}", status in (401, 422 if token else 401), status)

    status, rotated = refresh(tokens["refresh_token"])
    check("refresh returns new tokens", status == 200 and rotated != tokens and len(rotated) == 2, (status, rotated))
    check("the new access token is accepted", protected(rotated["access_token"])[0] == 200)
    check("the rotated refresh token is rejected", refresh(tokens["refresh_token"])[0] == 401)
    check("its reuse has ended the session", refresh(rotated["refresh_token"])[0] == 401)
    check("another session of the user continues", refresh(first["refresh_token"])[0] == 200)
    for name, token in [("an access token", first["access_token"]), ("a forged token", forged)]:
        status, _ = refresh(token)
        check(f"refresh rejects {name}", status in (401, 422), status)

    for _ in range(5):
        token = call(f"{base}/auth/login", ANN)[1]["refresh_token"]
        with ThreadPoolExecutor(8) as threads:
            statuses = sorted(status for status, _ in threads.map(refresh, [token] * 8))
        check("of eight refreshes with one token, one succeeds", statuses == [200] + [401] * 7, statuses)


def check_end(server, port):
    server.send_signal(signal.SIGTERM)
    server.wait(15)
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        check("SIGTERM stops all workers", False, f"port {port} is still open")
    except ConnectionRefusedError:
        check("SIGTERM stops all workers", True)


def main():
    database = os.environ["LATCHKEY_TEST_DATABASE_URL"]
    for name in sys.argv[1:] or APPS:
        print(f"-- {name}", flush=True)
        port = free_port()
        run = [str(Path(__file__).with_name("run.sh")), name, str(port), database]
        with subprocess.Popen(run, stdout=subprocess.PIPE, text=True) as server:
            try:
                ready = server.stdout.readline()
                check("it prints ready", ready == "ready\n", ready)
                if ready:
                    check_app(f"http://127.0.0.1:{port}")
                    check_end(server, port)
            finally:
                server.terminate()
    print(f"\n{results.count(True)} passed, {results.count(False)} failed")
    sys.exit(0 if all(results) else 1)


main()
