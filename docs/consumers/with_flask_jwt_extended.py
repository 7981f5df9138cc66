"""An API in Flask that believes Latchkey's access tokens, checked by Flask-JWT-Extended."""

import os

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, get_jwt, get_jwt_identity, jwt_required

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
ALGORITHM = os.environ.get("ALGORITHM", "ES256")
REQUIRED = set("iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split())

app = Flask(__name__)
app.config.update(JWT_ALGORITHM=ALGORITHM, JWT_DECODE_ISSUER=ISSUER)
app.config.update(JWT_DECODE_AUDIENCE=AUDIENCE, JWT_DECODE_LEEWAY=5)
tokens = JWTManager(app)

keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", timeout=5, cooldown_duration=10)
tokens.invalid_token_loader(lambda reason: ({"msg": reason}, 401))
app.register_error_handler(jwt.PyJWKClientError, lambda error: ({"msg": "unknown key"}, 401))
app.register_error_handler(jwt.PyJWKClientConnectionError, lambda error: ({"msg": "no keys"}, 503))


@tokens.decode_key_loader
def find_key(header, claims):
    if header.get("typ") != "at+jwt" or not REQUIRED <= claims.keys():
        raise jwt.InvalidTokenError("not an access token")
    return keys.get_signing_key(header.get("kid"))


@app.get("/profile")
@jwt_required()
def profile():
    return {"sub": get_jwt_identity(), "roles": get_jwt()["roles"]}
