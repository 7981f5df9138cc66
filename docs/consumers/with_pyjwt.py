"""Validates Latchkey's access tokens with PyJWT."""

import os
import re

import jwt

ISSUER, AUDIENCE = os.environ.get("ISSUER", "http://localhost:8080"), os.environ.get("AUDIENCE", "api")
ALGORITHM, KEY_SET = os.environ.get("ALGORITHM", "ES256"), os.environ.get("JWKS_URL", f"{ISSUER}/.well-known/jwks.json")
REQUIRED = "iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split()
RULES = {"issuer": ISSUER, "audience": AUDIENCE, "leeway": 5, "options": {"require": REQUIRED}}

# Fetched again after a day, and for an unknown kid. Until then the API also works while the auth server does not.
keys = jwt.PyJWKClient(KEY_SET, timeout=5, cooldown_duration=10, lifespan=86400)


class Rejected(Exception):
    """A request that is not served. `problem` is the body of the response."""

    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.problem = status, {"status": status, "code": code}
        self.headers = {"Content-Type": "application/problem+json"}
        if status == 401:
            error = "" if code == "missing_token" else ' error="invalid_token"'
            self.headers["WWW-Authenticate"] = f"Bearer{error}"


def authenticate(header, role=None):
    """The claims of the token in an Authorization header. Raises Rejected, also if the user does not have the role."""
    sent = re.fullmatch(r"Bearer +(\S+)", header or "", re.IGNORECASE)
    if not sent:
        raise Rejected(401, "missing_token")
    claims = validate(sent[1])
    if role and role not in claims["roles"]:
        raise Rejected(403, "role_required")
    return claims


def validate(token):
    """The claims of an access token. Raises Rejected."""
    try:
        key = keys.get_signing_key_from_jwt(token)
        decoded = jwt.decode_complete(token, key, [ALGORITHM], **RULES)
    except jwt.ExpiredSignatureError as error:
        raise Rejected(401, "token_expired") from error
    except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, ValueError) as error:
        # There are no keys. A 401 would make the client believe that its token is invalid.
        raise Rejected(503, "unavailable") from error
    except jwt.PyJWTError as error:
        raise Rejected(401, "invalid_token") from error
    if decoded["header"].get("typ") != "at+jwt" or decoded["payload"]["type"] != "access":
        raise Rejected(401, "invalid_token")
    return decoded["payload"]
