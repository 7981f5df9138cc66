// Validates Latchkey's access tokens with jose, in Node.js.
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER = "http://localhost:8080", AUDIENCE = "api", ALGORITHM = "ES256" } = process.env;
const { JWKS_URL = `${ISSUER}/.well-known/jwks.json` } = process.env;
const REQUIRED = "iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split(" ");

const keys = createRemoteJWKSet(new URL(JWKS_URL), { cooldownDuration: 10_000 });
const rules = { issuer: ISSUER, audience: AUDIENCE, algorithms: [ALGORITHM], typ: "at+jwt", requiredClaims: REQUIRED };

/** A request that is not served. `problem` is the body of the response. */
export class Rejected extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.problem = { status, code };
    this.headers = { "Content-Type": "application/problem+json" };
    const error = code === "missing_token" ? "" : ' error="invalid_token"';
    if (status === 401) this.headers["WWW-Authenticate"] = `Bearer${error}`;
  }
}

/** The claims of the token in an `Authorization` header. Throws Rejected, also if the user does not have the role. */
export async function authenticate(header, role) {
  const token = /^Bearer +(\S+)$/i.exec(header ?? "")?.[1];
  if (!token) throw new Rejected(401, "missing_token");
  const claims = await validate(token);
  if (role && !claims.roles.includes(role)) throw new Rejected(403, "role_required");
  return claims;
}

/** The claims of an access token. Throws Rejected. */
export async function validate(token) {
  const { payload } = await jwtVerify(token, keys, { ...rules, clockTolerance: 5 }).catch(reject);
  if (payload.type !== "access") throw new Rejected(401, "invalid_token");
  return payload;
}

function reject(error) {
  const isVerdict = error instanceof errors.JOSEError && !/GENERIC|JWKS_(TIMEOUT|INVALID)$/.test(error.code);
  // The keys could not be fetched. A 401 would make the client believe that its token is invalid.
  if (!isVerdict) throw new Rejected(503, "unavailable");
  throw new Rejected(401, error.code === "ERR_JWT_EXPIRED" ? "token_expired" : "invalid_token");
}
