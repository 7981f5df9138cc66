# shellcheck shell=bash disable=SC2034,SC2154 # variables are shared with the other files that e2e.sh sources
# Health, key set, metadata and OpenAPI. e2e.sh sources this file.

group "Health and metadata"

check "both servers are alive and ready"
auth GET /readyz
expect_status 200
expect_member status ready
expect_uncached
api GET /readyz
expect_status 200
expect_member status ready
matches "number of keys" '^[1-9]' "$(member count)"
expect_uncached

check "HEAD works where GET does"
auth HEAD /healthz
expect_status 200
api HEAD /healthz
expect_status 200

check "the key set may be cached for five minutes, and contains only public keys"
auth GET /.well-known/jwks.json
expect_status 200
expect_header Cache-Control max-age=300
matches body '^\{"keys": ?\[.*\]\}$' "$body"
for private in d p q dp dq qi k oth; do
    lacks "a key set" "\"$private\":" "$body"
done
key_set=$body

check "the metadata contain the exact issuer and the URL of its keys"
auth GET /.well-known/oauth-authorization-server
expect_status 200
expect_header Cache-Control max-age=300
expect_member issuer "$issuer"
if [[ $key_set == *'"kid"'* ]]; then
    expect_member jwks_uri "$issuer/.well-known/jwks.json"
else
    lacks "metadata of a server without public keys (HS256)" jwks_uri "$body"
fi
metadata=$body

check "the metadata are also at the path of OpenID Connect"
auth GET /.well-known/openid-configuration
expect_status 200
equal body "$metadata" "$body"

check "the auth server has an OpenAPI document"
auth GET /openapi.json
expect_status 200
matches openapi '^3\.' "$(member openapi)"
for path in /auth/{register,login,refresh,logout,logout-all,me,sessions} "/auth/sessions/{id}" \
    /.well-known/{jwks.json,oauth-authorization-server,openid-configuration} /healthz /readyz; do
    contains "a description" "\"$path\":" "$body"
done

check "the resource server has an OpenAPI document"
api GET /openapi.json
expect_status 200
matches openapi '^3\.' "$(member openapi)"
for path in /protected /profile /admin /transfer /greeting /healthz /readyz; do
    contains "a description" "\"$path\":" "$body"
done
