"""An API in Flask that believes Latchkey's access tokens, checked by Authlib's validator for RFC 9068."""

import json
import os
import time
from functools import lru_cache
from urllib.request import urlopen

from authlib.integrations.flask_oauth2 import ResourceProtector, current_token
from authlib.oauth2.rfc6750.errors import InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from flask import Flask
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from joserfc.registry import HeaderParameter

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
ALGORITHM, KEY_SET = os.environ.get("ALGORITHM", "ES256"), f"{ISSUER}/.well-known/jwks.json"
RULES = JWSRegistry({"typ": HeaderParameter("Type", "str", required=True)}, [ALGORITHM])
REQUIRED = "sub client_id iat exp jti sid uv auth_time amr name".split()
CLAIMS = {name: {"essential": True} for name in REQUIRED}
CLAIMS["iss"] = {"essential": True, "value": ISSUER}
CLAIMS["aud"] = {"essential": True, "value": AUDIENCE}
CLAIMS["type"] = {"essential": True, "value": "access"}
CLAIMS["roles"] = {"essential": True, "allow_blank": True}

# Fetched once a minute.
key_set = lru_cache(maxsize=1)(lambda minute: KeySet.import_key_set(json.load(urlopen(KEY_SET, timeout=5))))


class AccessTokenValidator(JWTBearerTokenValidator):
    def authenticate_token(self, token_string):
        keys = key_set(time.time() // 60)
        try:
            token = jwt.decode(token_string, keys, registry=RULES)
        except (JoseError, ValueError) as error:
            raise InvalidTokenError() from error
        return JWTAccessTokenClaims(token.claims, token.header, CLAIMS)


app = Flask(__name__)
require_token = ResourceProtector()
require_token.register_token_validator(AccessTokenValidator(ISSUER, AUDIENCE))


@app.get("/profile")
@require_token()
def profile():
    return {"sub": current_token["sub"], "roles": current_token["roles"]}
