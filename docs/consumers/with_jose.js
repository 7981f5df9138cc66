// Validates Latchkey's access tokens with jose, in Node.js.

import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, ALGORITHM = "ES256" } = process.env;
const REQUIRED = "iss sub aud client_id iat exp jti type sid uv auth_time amr roles name".split(" ");

const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), { cooldownDuration: 10_000 });
const rules = { issuer: ISSUER, audience: AUDIENCE, algorithms: [ALGORITHM], requiredClaims: REQUIRED };

/** The claims, or an error: 401 if `isRefused`, else 503, as the keys could not be fetched. */
export async function validate(token) {
  const { payload } = await jwtVerify(token, keys, { ...rules, typ: "at+jwt", clockTolerance: 5 });
  if (payload.type !== "access") throw new errors.JWTInvalid("not an access token");
  return payload;
}

export const isRefused = (error) =>
  error instanceof errors.JOSEError && !["ERR_JWKS_TIMEOUT", "ERR_JOSE_GENERIC"].includes(error.code);
