"""Login, refresh and a protected route with Flask-JWT-Extended and psycopg."""

import os
import uuid
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask, abort, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    get_jwt,
    get_jwt_header,
    get_jwt_identity,
    jwt_required,
)
from flask_jwt_extended.exceptions import RevokedTokenError
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

ISSUER, AUDIENCE = "https://auth.example.org", "https://api.example.org"
# Parsed once: PyJWT parses a PEM text again for each token.
PRIVATE_KEY = load_pem_private_key(os.environ["JWT_PRIVATE_KEY"].encode(), password=None)

app = Flask(__name__)
app.config.update(
    JWT_ALGORITHM="ES256",
    JWT_PRIVATE_KEY=PRIVATE_KEY,
    JWT_PUBLIC_KEY=PRIVATE_KEY.public_key(),
    JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=15),
    JWT_REFRESH_TOKEN_EXPIRES=timedelta(days=30),
    JWT_ENCODE_ISSUER=ISSUER,
    JWT_DECODE_ISSUER=ISSUER,
    JWT_ENCODE_AUDIENCE=AUDIENCE,
    JWT_DECODE_AUDIENCE=AUDIENCE,
)
JWTManager(app)

# gunicorn loads this file in each worker, after the fork. One connection per thread. Autocommit: each statement is a
# transaction, without round trips for BEGIN and COMMIT.
pool = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=int(os.environ["POOL_SIZE"]),
    kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    open=True,
)
hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Checked for unknown users, so that the response takes as long as for a wrong password.
NO_USER = {"password_hash": hasher.hash(str(uuid.uuid4()))}

INSERT_USER = "INSERT INTO users (email, password_hash) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING *"
SELECT_USER = "SELECT * FROM users WHERE email = %s"
INSERT_SESSION = "INSERT INTO sessions (user_id, refresh_jti) VALUES (%s, %s) RETURNING id AS sid, auth_time"
END_SESSION = "DELETE FROM sessions WHERE id = %s"
# The guard on refresh_jti decides every race: of many requests with one token, one finds the row.
ROTATE = """
    UPDATE sessions SET refresh_jti = %s, rotated_at = now() FROM users
     WHERE sessions.id = %s AND sessions.refresh_jti = %s AND users.id = sessions.user_id
    RETURNING sessions.id AS sid, sessions.auth_time, users.id, users.name, users.roles, users.version
"""


def query(sql, *parameters):
    with pool.connection() as connection:
        return connection.execute(sql, parameters).fetchone()


def credentials():
    body = request.get_json()
    if not isinstance(body.get("email"), str) or not isinstance(body.get("password"), str):
        abort(400)
    return body["email"].lower(), body["password"]


def tokens(user, session, jti):
    sid, identity = str(session["sid"]), str(user["id"])
    claims = {
        "client_id": "bench",
        "sid": sid,
        "uv": user["version"],
        "auth_time": int(session["auth_time"].timestamp()),
        "amr": ["pwd"],
        "roles": user["roles"],
        "name": user["name"],
    }
    return {
        "access_token": create_access_token(identity, additional_claims=claims),
        "refresh_token": create_refresh_token(identity, additional_claims={"sid": sid, "jti": jti}),
    }


def new_session(user):
    jti = str(uuid.uuid4())
    return tokens(user, query(INSERT_SESSION, user["id"], jti), jti)


@app.post("/auth/register")
def register():
    email, password = credentials()
    user = query(INSERT_USER, email, hasher.hash(password)) or abort(409)
    return new_session(user), 201


@app.post("/auth/login")
def login():
    email, password = credentials()
    user = query(SELECT_USER, email) or NO_USER
    try:
        hasher.verify(user["password_hash"], password)
    except VerifyMismatchError:
        abort(401)
    return new_session(user)


@app.post("/auth/refresh")
@jwt_required(refresh=True, locations="json")
def refresh():
    claims, jti = get_jwt(), str(uuid.uuid4())
    row = query(ROTATE, jti, claims["sid"], claims["jti"])
    if row is None:
        with pool.connection() as connection:
            connection.execute(END_SESSION, (claims["sid"],))
        raise RevokedTokenError(get_jwt_header(), claims)
    return tokens(row, row, jti)


@app.get("/protected")
@jwt_required()
def protected():
    claims = get_jwt()
    return {"message": f"Hello {claims['name']}", "user_id": get_jwt_identity(), "roles": claims["roles"]}
