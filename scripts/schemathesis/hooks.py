"""Adds tokens to the generated calls, and makes valid calls valid where a schema cannot express the rule."""

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

# The delivery of the next session, alternating: the servers must treat both alike.
deliveries = itertools.cycle(["body", "refresh_cookie"])

numbers = itertools.count()
# Random, so that every part of it is a strong password.
STRONG = "".join(random.Random(0).choices(string.ascii_letters + string.digits, k=24))


# The cookie of a known device: without it, the wrong passwords that are tried for this user from this address would
# also delay our logins.
device = {}


def with_retries(request):
    """Retries after Retry-After: before the device is known, an earlier run may have tried many passwords."""
    while True:
        try:
            return urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            if error.code != 429:
                raise
            time.sleep(int(error.headers["Retry-After"]))


def log_in(delivery):
    """Creates a session; returns the access token and the refresh token."""
    if not device and delivery == "body":
        log_in("refresh_cookie")
    body = {"email": EMAIL, "password": PASSWORD, "token_delivery": delivery}
    request = urllib.request.Request(
        AUTH_URL + "/auth/login",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", **device},
    )
    with with_retries(request) as response:
        tokens = json.load(response)
        cookies = [cookie.split(";")[0] for cookie in response.headers.get_all("Set-Cookie", [])]
    device.update(("Cookie", cookie) for cookie in cookies if "device=" in cookie)
    if delivery == "body":
        return tokens["access_token"], tokens["refresh_token"]
    [refresh] = [cookie for cookie in cookies if "refresh_token=" in cookie]
    return tokens["access_token"], refresh.split("=", 1)[1]


def schemes(operation):
    """The names of the security schemes that an operation accepts."""
    security = operation.definition.raw.get("security") or []
    return {name for alternative in security for name in alternative}


def strong(password):
    """The same length and the same text, with a strong beginning, which is what is judged."""
    return STRONG[: len(password)] + password[len(STRONG) :]


@functools.cache
def other_user():
    """The id of a user that no other test changes."""
    body = {"email": "other@example.org", "password": STRONG, "token_delivery": "body"}
    request = urllib.request.Request(
        AUTH_URL + "/auth/register",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["user"]["id"]


def contains_token(case):
    return isinstance(case.body, dict) and case.body.get("refresh_token") is not None


@schemathesis.hook
def before_call(context, case, **kwargs):
    # Invalid calls stay unchanged.
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    path = case.operation.path
    # Only a response contains a valid cursor, and nothing can be waited for without one.
    for name in ("cursor", "after", "wait"):
        (case.query or {}).pop(name, None)
    # Users who never logged in have no time of the last login.
    if "last_login" in (case.query or {}):
        case.query.pop("last_login_after", None)
        case.query.pop("last_login_before", None)
    # Every second call names an existing user.
    if path.startswith("/admin/users/{id}") and next(numbers) % 2:
        case.path_parameters["id"] = other_user()
    if not isinstance(case.body, dict):
        return
    # The username must be unique, and the password strong.
    if path in ("/auth/register", "/auth/me", "/auth/invitations/accept", "/admin/users") and case.body.get("username") is not None:
        case.body["username"] = f"user-{next(numbers)}"
    if path == "/auth/register" or path == "/admin/users" and case.body.get("password"):
        case.body["password"] = strong(case.body["password"])
    # A new password is accepted only after an operator has set the password.
    if path == "/auth/login":
        case.body.pop("new_password", None)
    # Every second login has correct credentials.
    if path == "/auth/login" and next(numbers) % 2:
        case.body.pop("username", None)
        case.body |= {"email": EMAIL, "password": PASSWORD}
    # A token in the body must be valid, and the only one.
    if contains_token(case):
        case.body["refresh_token"] = log_in("body")[1]
        case.headers.pop("Authorization", None)
        case.cookies.pop("__Host-refresh_token", None)


# Without a cache, because refreshing, logging out and ending sessions invalidate the token.
@schemathesis.auth(refresh_interval=None)
class Session:
    def get(self, case, context):
        accepted = schemes(context.operation)
        if not accepted or contains_token(case):
            return None
        if "feed_token" in accepted:
            return "header", os.environ["FEED_TOKEN"]
        delivery = next(deliveries)
        access_token, refresh_token = log_in(delivery)
        if "refresh_cookie" not in accepted:
            return "header", access_token
        return ("cookie", refresh_token) if delivery == "refresh_cookie" else ("header", refresh_token)

    def set(self, case, data, context):
        delivery, token = data
        if delivery == "cookie":
            case.cookies["__Host-refresh_token"] = token
        else:
            case.headers["Authorization"] = f"Bearer {token}"
