"""The consumers of access tokens: the files of docs/consumers unchanged, and the resource server.

Each is a function from a token to a status and, if the status is 200, the claims.
"""

import contextlib
import json
import os
import runpy
import subprocess
import urllib.error
import urllib.request

import jwt

FILES = "docs/consumers/"


@contextlib.contextmanager
def all_for(algorithm, issuer, audience, resource_server):
    """{name: validate}, each configured for these tokens."""
    settings = {"ISSUER": issuer, "AUDIENCE": audience, "ALGORITHM": algorithm}
    with contextlib.ExitStack() as stack:
        yield {
            "PyJWT": function(settings, "with_pyjwt.py"),
            "Authlib": flask(settings, "with_authlib.py"),
            "Flask-JWT-Extended": flask(settings, "with_flask_jwt_extended.py"),
            "jose": stack.enter_context(node(settings)),
            "resource-server": stack.enter_context(server(settings, resource_server)),
        }


def function(settings, file):
    """A file that defines `validate`."""
    names = run(settings, file)

    def validate_token(token):
        try:
            return 200, names["validate"](token)
        except jwt.PyJWTError:
            return 401, None
        except names.get("Rejected", ()) as error:
            return error.status, None

    return validate_token


def flask(settings, file):
    """A file that defines a Flask `app`."""
    client = run(settings, file)["app"].test_client()

    def validate_token(token):
        response = client.get("/profile", headers={"Authorization": f"Bearer {token}"})
        return response.status_code, response.json if response.status_code == 200 else None

    return validate_token


def run(settings, file):
    os.environ.update(settings)
    return runpy.run_path(FILES + file)


@contextlib.contextmanager
def node(settings):
    """The file for Node.js, in its own process."""
    command = ["node", "scripts/consumers/validate.js"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen(command, env=os.environ | settings, **pipes) as process:

        def validate_token(token):
            print(token, file=process.stdin, flush=True)
            result = json.loads(process.stdout.readline())
            return result["status"], result.get("claims")

        try:
            yield validate_token
        finally:
            process.kill()


@contextlib.contextmanager
def server(settings, program):
    """The resource server, on a free port, with the same key set as the others."""
    own = {"BIND_ADDR": "127.0.0.1:0", "JWKS_URL": settings["ISSUER"] + "/.well-known/jwks.json"}
    environment = {"ISSUER": settings["ISSUER"], "AUDIENCE": settings["AUDIENCE"]} | own
    with subprocess.Popen([program], env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            log = []
            for line in process.stderr:
                log.append(line)
                if "listening on " in line:
                    break
            else:
                raise SystemExit("resource-server did not start: " + "".join(log))
            url = line.split("listening on ")[1].split(",")[0] + "/profile"
            yield lambda token: call(url, token)
        finally:
            process.kill()


def call(url, token):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, None
