"""Validates Latchkey's access tokens with PyJWT."""

import os

import jwt

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
ALGORITHM = os.environ.get("ALGORITHM", "ES256")
REQUIRED = "iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split()

keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", timeout=5, cooldown_duration=10)


def validate(token):
    """The claims, or jwt.PyJWTError: answer 401, but 503 to jwt.PyJWKClientConnectionError."""
    key = keys.get_signing_key_from_jwt(token)
    rules = {"issuer": ISSUER, "audience": AUDIENCE, "leeway": 5, "options": {"require": REQUIRED}}
    decoded = jwt.decode_complete(token, key, [ALGORITHM], **rules)
    if decoded["header"].get("typ") != "at+jwt" or decoded["payload"]["type"] != "access":
        raise jwt.InvalidTokenError("not an access token")
    return decoded["payload"]
