"""Creates tokens: valid ones, and forged ones."""

import base64
import json
import time
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NEW_KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
TO_JWK = {
    "ES256": jwt.algorithms.ECAlgorithm,
    "RS256": jwt.algorithms.RSAAlgorithm,
    "EdDSA": jwt.algorithms.OKPAlgorithm,
}
REQUIRED = "iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split()


class Signer:
    """Signs with a new key pair."""

    def __init__(self, algorithm, kid=None):
        self.algorithm, self.kid = algorithm, kid or str(uuid.uuid4())
        self.private = NEW_KEYS[algorithm]()

    def jwk(self):
        jwk = TO_JWK[self.algorithm].to_jwk(self.private.public_key(), as_dict=True)
        return jwk | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims, **header):
        return jwt.encode(claims, self.private, self.algorithm, {"typ": "at+jwt", "kid": self.kid} | header)


class Secret:
    """A secret that signs with HS256."""

    def __init__(self, secret):
        self.secret = secret

    def sign(self, claims, **header):
        return jwt.encode(claims, self.secret, "HS256", {"typ": "at+jwt"} | header)


def claims(issuer, audience):
    """The claims of a valid token."""
    now = int(time.time())
    times = {"iat": now, "exp": now + 600, "auth_time": now}
    ids = {name: str(uuid.uuid4()) for name in ("sub", "sid", "jti")}
    user = {"uv": 1, "amr": ["pwd"], "roles": ["analyst"], "name": "Ann"}
    return {"iss": issuer, "aud": audience, "client_id": "web", "type": "access"} | times | ids | user


def wrong_in_one_thing(signer, issuer, audience):
    """(what is wrong, token): validly signed tokens that each violate one rule."""
    good = claims(issuer, audience)
    now = good["iat"]
    for name in REQUIRED:
        without = {key: value for key, value in good.items() if key != name}
        yield f"a token without {name}", signer.sign(without)
    yield "another issuer", signer.sign(good | {"iss": issuer + "/"})
    yield "another audience", signer.sign(good | {"aud": "mail"})
    yield "other audiences", signer.sign(good | {"aud": ["mail", audience + "2"]})
    yield "another type", signer.sign(good | {"type": "refresh"})
    yield "an expired token", signer.sign(good | {"iat": now - 900, "exp": now - 60})
    yield "a token that is not valid yet", signer.sign(good | {"nbf": now + 86400})
    yield "a token without typ", signer.sign(good, typ=None)
    yield "the typ of any JWT", signer.sign(good, typ="JWT")
    yield "the typ of a refresh token", signer.sign(good, typ="rt+jwt")


def forged(genuine, public_jwk):
    """(how, token): what an attacker can make from a genuine token and the public key."""
    head, payload, signature = genuine.split(".")
    header, genuine_claims = _json(head), jwt.decode(genuine, options={"verify_signature": False})
    algorithm, kid = header["alg"], header["kid"]
    admin = genuine_claims | {"roles": ["admin"]}
    for name in ("none", "None", "NONE"):
        yield f"alg {name}", f"{_base64url(header | {'alg': name})}.{payload}."
    yield "no signature", f"{head}.{payload}."
    yield "other roles under the signature", f"{head}.{_base64url(admin)}.{signature}"
    # jwt.encode rejects a public key as a secret; an attacker does not.
    secrets = {"the public key as PEM": _pem(public_jwk), "the public JWK": json.dumps(public_jwk).encode()}
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    for name, secret in secrets.items():
        signed = f"{_base64url(header | {'alg': 'HS256'})}.{payload}"
        yield f"HS256 with {name}", f"{signed}.{_encode(hmac.sign(signed.encode(), secret))}"
    for foreign in NEW_KEYS:
        yield f"a foreign {foreign} key under the kid", Signer(foreign, kid).sign(admin)
    other = Signer(algorithm)
    yield "an unknown kid", other.sign(admin)
    yield "a key in the token's header", other.sign(admin, jwk=other.jwk())
    yield "text that is not a token", "not.a.token"


def _pem(public_jwk):
    public = jwt.PyJWK(public_jwk).key
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _json(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _base64url(value):
    return _encode(json.dumps(value).encode())


def _encode(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
