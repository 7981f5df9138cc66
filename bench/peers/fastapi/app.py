"""Login, refresh and a protected route with FastAPI, PyJWT and asyncpg."""

import os
import uuid
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import Annotated

import asyncpg
import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

ISSUER, AUDIENCE = "https://auth.example.org", "https://api.example.org"
# Parsed once: PyJWT parses a PEM text again for each token.
PRIVATE_KEY = load_pem_private_key(os.environ["JWT_PRIVATE_KEY"].encode(), password=None)
PUBLIC_KEY = PRIVATE_KEY.public_key()
REFRESH_SECRET = os.environ["JWT_REFRESH_SECRET"]
ACCESS_LIFETIME, REFRESH_LIFETIME = timedelta(minutes=15), timedelta(days=30)

hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
# Checked for unknown users, so that the response takes as long as for a wrong password.
NO_USER = {"password_hash": hasher.hash(str(uuid.uuid4()))}

INSERT_USER = "INSERT INTO users (email, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING *"
SELECT_USER = "SELECT * FROM users WHERE email = $1"
INSERT_SESSION = "INSERT INTO sessions (user_id, refresh_jti) VALUES ($1, $2) RETURNING id AS sid, auth_time"
END_SESSION = "DELETE FROM sessions WHERE id = $1"
# The guard on refresh_jti decides every race: of many requests with one token, one finds the row.
ROTATE = """
    UPDATE sessions SET refresh_jti = $1, rotated_at = now() FROM users
     WHERE sessions.id = $2 AND sessions.refresh_jti = $3 AND users.id = sessions.user_id
    RETURNING sessions.id AS sid, sessions.auth_time, users.id, users.name, users.roles, users.version
"""


class Credentials(BaseModel):
    email: str
    password: str


class RefreshToken(BaseModel):
    refresh_token: str


class Tokens(BaseModel):
    access_token: str
    refresh_token: str


class Greeting(BaseModel):
    message: str
    user_id: str
    roles: list[str]


class Connection(asyncpg.Connection):
    """Nothing here changes a connection's settings, so the pool need not reset them: saves a round trip per request."""

    def get_reset_query(self):
        return ""


@asynccontextmanager
async def lifespan(app):
    size = int(os.environ["POOL_SIZE"])
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=size, max_size=size, connection_class=Connection
    ) as app.state.pool:
        yield


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


def unauthorized():
    return HTTPException(401, headers={"WWW-Authenticate": "Bearer"})


def decode(token, key, algorithm, audience):
    try:
        return jwt.decode(token, key, algorithms=[algorithm], issuer=ISSUER, audience=audience)
    except jwt.InvalidTokenError as error:
        raise unauthorized() from error


async def current_claims(authorization: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]):
    return decode(authorization.credentials, PUBLIC_KEY, "ES256", AUDIENCE)


def tokens(user, session, jti):
    now = datetime.now(timezone.utc)
    common = {"iss": ISSUER, "sub": str(user["id"]), "sid": str(session["sid"]), "iat": now}
    access = common | {
        "type": "access",
        "aud": AUDIENCE,
        "client_id": "bench",
        "exp": now + ACCESS_LIFETIME,
        "jti": str(uuid.uuid4()),
        "uv": user["version"],
        "auth_time": int(session["auth_time"].timestamp()),
        "amr": ["pwd"],
        "roles": user["roles"],
        "name": user["name"],
    }
    refresh = common | {"type": "refresh", "aud": ISSUER, "exp": now + REFRESH_LIFETIME, "jti": jti}
    return Tokens(
        access_token=jwt.encode(access, PRIVATE_KEY, algorithm="ES256"),
        refresh_token=jwt.encode(refresh, REFRESH_SECRET, algorithm="HS256"),
    )


async def new_session(user):
    jti = str(uuid.uuid4())
    return tokens(user, await app.state.pool.fetchrow(INSERT_SESSION, user["id"], jti), jti)


@app.post("/auth/register", status_code=201)
async def register(body: Credentials) -> Tokens:
    password_hash = await run_in_threadpool(hasher.hash, body.password)
    user = await app.state.pool.fetchrow(INSERT_USER, body.email.lower(), password_hash)
    if user is None:
        raise HTTPException(409)
    return await new_session(user)


@app.post("/auth/login")
async def login(body: Credentials) -> Tokens:
    user = await app.state.pool.fetchrow(SELECT_USER, body.email.lower()) or NO_USER
    try:
        await run_in_threadpool(hasher.verify, user["password_hash"], body.password)
    except VerifyMismatchError as error:
        raise unauthorized() from error
    return await new_session(user)


@app.post("/auth/refresh")
async def refresh(body: RefreshToken) -> Tokens:
    claims, jti = decode(body.refresh_token, REFRESH_SECRET, "HS256", ISSUER), str(uuid.uuid4())
    row = await app.state.pool.fetchrow(ROTATE, jti, claims["sid"], claims["jti"])
    if row is None:
        await app.state.pool.execute(END_SESSION, claims["sid"])
        raise unauthorized()
    return tokens(row, row, jti)


@app.get("/protected")
async def protected(claims: Annotated[dict, Depends(current_claims)]) -> Greeting:
    return Greeting(message=f"Hello {claims['name']}", user_id=claims["sub"], roles=claims["roles"])
