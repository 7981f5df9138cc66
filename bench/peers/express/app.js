// Login, refresh and a protected route with Express, jsonwebtoken and pg, in a cluster of two workers.

import cluster from "node:cluster";
import { createPrivateKey, createPublicKey, createSecretKey, randomUUID } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import express from "express";
import jwt from "jsonwebtoken";
import pg from "pg";

const { DATABASE_URL, JWT_PRIVATE_KEY, JWT_REFRESH_SECRET, POOL_SIZE, PORT, WORKERS } = process.env;
const issuer = "https://auth.example.org";
const audience = "https://api.example.org";
// Parsed once: jsonwebtoken parses a PEM text again for each token.
const privateKey = createPrivateKey(JWT_PRIVATE_KEY);
const publicKey = createPublicKey(privateKey);
const refreshSecret = createSecretKey(JWT_REFRESH_SECRET, "utf8");
const accessOptions = { algorithm: "ES256", issuer, audience, expiresIn: 15 * 60 };
const refreshOptions = { algorithm: "HS256", issuer, audience: issuer, expiresIn: 30 * 24 * 60 * 60 };

const argon2 = { memoryCost: 19456, timeCost: 2, parallelism: 1 };

// pg prepares statements that have a name, once per connection.
const INSERT_USER = {
  name: "insert-user",
  text: "INSERT INTO users (email, password_hash) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING *",
};
const SELECT_USER = { name: "select-user", text: "SELECT * FROM users WHERE email = $1" };
const INSERT_SESSION = {
  name: "insert-session",
  text: "INSERT INTO sessions (user_id, refresh_jti) VALUES ($1, $2) RETURNING id AS sid, auth_time",
};
const END_SESSION = { name: "end-session", text: "DELETE FROM sessions WHERE id = $1" };
// The guard on refresh_jti decides every race: of many requests with one token, one finds the row.
const ROTATE = {
  name: "rotate",
  text: `UPDATE sessions SET refresh_jti = $1, rotated_at = now() FROM users
     WHERE sessions.id = $2 AND sessions.refresh_jti = $3 AND users.id = sessions.user_id
    RETURNING sessions.id AS sid, sessions.auth_time, users.id, users.name, users.roles, users.version`,
};

function serve() {
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL_SIZE) });
  // Checked for unknown users, so that the response takes as long as for a wrong password.
  const noUser = hash(randomUUID(), argon2).then((password_hash) => ({ password_hash }));
  const query = async (statement, ...values) => (await pool.query({ ...statement, values })).rows[0];

  function tokens(user, session, jti) {
    const { sid, auth_time: authTime } = session;
    const access = {
      type: "access",
      client_id: "bench",
      sub: user.id,
      jti: randomUUID(),
      sid,
      uv: Number(user.version),
      auth_time: Math.floor(authTime.getTime() / 1000),
      amr: ["pwd"],
      roles: user.roles,
      name: user.name,
    };
    return {
      access_token: jwt.sign(access, privateKey, accessOptions),
      refresh_token: jwt.sign({ type: "refresh", sub: user.id, sid, jti }, refreshSecret, refreshOptions),
    };
  }

  async function newSession(user) {
    const jti = randomUUID();
    return tokens(user, await query(INSERT_SESSION, user.id, jti), jti);
  }

  function credentials(request, response, next) {
    const { email, password } = request.body ?? {};
    if (typeof email !== "string" || typeof password !== "string") return response.sendStatus(400);
    request.body.email = email.toLowerCase();
    next();
  }

  // The claims of a valid token, or undefined.
  function claimsOf(token, key, options) {
    try {
      return jwt.verify(token, key, options);
    } catch {
      return undefined;
    }
  }

  function requireToken(request, response, next) {
    const token = request.get("authorization")?.match(/^Bearer (\S+)$/i)?.[1];
    request.claims = claimsOf(token, publicKey, { algorithms: ["ES256"], issuer, audience });
    if (!request.claims) return response.set("WWW-Authenticate", "Bearer").sendStatus(401);
    next();
  }

  const app = express();
  app.disable("x-powered-by");
  app.use(express.json());

  app.post("/auth/register", credentials, async (request, response) => {
    const user = await query(INSERT_USER, request.body.email, await hash(request.body.password, argon2));
    if (!user) return response.sendStatus(409);
    response.status(201).json(await newSession(user));
  });

  app.post("/auth/login", credentials, async (request, response) => {
    const user = (await query(SELECT_USER, request.body.email)) ?? (await noUser);
    if (!(await verify(user.password_hash, request.body.password))) return response.sendStatus(401);
    response.json(await newSession(user));
  });

  app.post("/auth/refresh", async (request, response) => {
    const options = { algorithms: ["HS256"], issuer, audience: issuer };
    const claims = claimsOf(request.body?.refresh_token, refreshSecret, options);
    if (!claims) return response.sendStatus(401);
    const jti = randomUUID();
    const row = await query(ROTATE, jti, claims.sid, claims.jti);
    if (!row) {
      await query(END_SESSION, claims.sid);
      return response.sendStatus(401);
    }
    response.json(tokens(row, row, jti));
  });

  app.get("/protected", requireToken, (request, response) => {
    const { name, sub, roles } = request.claims;
    response.json({ message: `Hello ${name}`, user_id: sub, roles });
  });

  app.listen(Number(PORT), "127.0.0.1");
}

if (cluster.isPrimary) {
  for (let worker = 0; worker < Number(WORKERS); worker += 1) cluster.fork();
  // A benchmark with a worker less would be wrong: end instead of starting another.
  cluster.on("exit", () => process.exit(1));
} else {
  serve();
}
