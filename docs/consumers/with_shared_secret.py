"""Validates Latchkey's access tokens with PyJWT, where the auth server shares an HS256 secret."""

import os

import jwt

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
SECRET = os.environ["JWT_ACCESS_SECRET"]
REQUIRED = "iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split()


def validate(token):
    """The claims, or jwt.PyJWTError: answer 401."""
    rules = {"issuer": ISSUER, "audience": AUDIENCE, "leeway": 5, "options": {"require": REQUIRED}}
    decoded = jwt.decode_complete(token, SECRET, ["HS256"], **rules)
    if decoded["header"].get("typ") != "at+jwt" or decoded["payload"]["type"] != "access":
        raise jwt.InvalidTokenError("not an access token")
    return decoded["payload"]
