"""Gives the generated calls something to be let in with, and makes good ones good in what no schema can say."""

import functools
import itertools
import json
import os
import random
import string
import time
import urllib.error
import urllib.request

import schemathesis

AUTH_URL = os.environ["AUTH_URL"]
EMAIL = os.environ["TEST_EMAIL"]
PASSWORD = os.environ["TEST_PASSWORD"]

# Which way the next session travels: by turns, since the servers must judge both alike.
deliveries = itertools.cycle(["body", "refresh_cookie"])

numbers = itertools.count()
# No part of it can be guessed.
STRONG = "".join(random.Random(0).choices(string.ascii_letters + string.digits, k=24))


# Tells the servers that we have logged in before: otherwise the wrong passwords that are tried on this account from this address
# would count against us, too.
device = {}


def patiently(request):
    """Before the servers know us we wait as they ask: an earlier run may have tried many passwords from here."""
    while True:
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            if error.code != 429:
                raise
            time.sleep(int(error.headers["Retry-After"]))


def log_in(delivery):
    """Opens a session; returns the access token and the refresh token."""
    if not device and delivery == "body":
        log_in("refresh_cookie")
    body = {"email": EMAIL, "password": PASSWORD, "token_delivery": delivery}
    request = urllib.request.Request(
        AUTH_URL + "/auth/login",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **device},
    )
    with patiently(request) as answer:
        tokens = json.load(answer)
        cookies = [cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie", [])]
    device.update(("Cookie", cookie) for cookie in cookies if "device=" in cookie)
    if delivery == "body":
        return tokens["access_token"], tokens["refresh_token"]
    [refresh] = [cookie for cookie in cookies if "refresh_token=" in cookie]
    return tokens["access_token"], refresh.split("=", 1)[1]


def schemes(operation):
    """The names of the security schemes that an operation takes."""
    security = operation.definition.raw.get("security") or []
    return {name for alternative in security for name in alternative}


def strong(password):
    """Of the same length, and of the same text but for its beginning, which is what is judged."""
    return STRONG[: len(password)] + password[len(STRONG) :]


@functools.cache
def somebody():
    """The id of a person whom nothing else is done with."""
    body = {"email": "somebody@example.org", "password": STRONG, "token_delivery": "body"}
    request = urllib.request.Request(
        AUTH_URL + "/auth/register",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["user"]["id"]


def brings_token(case):
    return isinstance(case.body, dict) and case.body.get("refresh_token") is not None


@schemathesis.hook
def before_call(context, case, **kwargs):
    # Bad calls stay as bad as they are.
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    path = case.operation.path
    # Only an answer says what can be a cursor.
    (case.query or {}).pop("cursor", None)
    # Every second call is about somebody.
    if path.startswith("/admin/users/{id}") and next(numbers) % 2:
        case.path_parameters["id"] = somebody()
    if not isinstance(case.body, dict):
        return
    # Nobody else has the username, and the password is hard to guess.
    if path in ("/auth/register", "/auth/me") and case.body.get("username") is not None:
        case.body["username"] = f"person-{next(numbers)}"
    if path == "/auth/register":
        case.body["password"] = strong(case.body["password"])
    # Every second login is that of somebody.
    if path == "/auth/login" and next(numbers) % 2:
        case.body.pop("username", None)
        case.body |= {"email": EMAIL, "password": PASSWORD}
    # A token in the body is one, and the only one.
    if brings_token(case):
        case.body["refresh_token"] = log_in("body")[1]
        case.headers.pop("Authorization", None)
        case.cookies.pop("__Host-refresh_token", None)


# Without a cache: refreshing, logging out and ending sessions use up what they are given.
@schemathesis.auth(refresh_interval=None)
class Session:
    def get(self, case, context):
        accepted = schemes(context.operation)
        if not accepted or brings_token(case):
            return None
        if "feed_token" in accepted:
            return "header", os.environ["FEED_TOKEN"]
        delivery = next(deliveries)
        access_token, refresh_token = log_in(delivery)
        if "refresh_cookie" not in accepted:
            return "header", access_token
        return ("cookie", refresh_token) if delivery == "refresh_cookie" else ("header", refresh_token)

    def set(self, case, data, context):
        way, token = data
        if way == "cookie":
            case.cookies["__Host-refresh_token"] = token
        else:
            case.headers["Authorization"] = f"Bearer {token}"
