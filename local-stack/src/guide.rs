//! What is printed at the start: where things are, and what to try.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::addresses::Addresses;
use crate::administrator;

/// The whole text. `password` is the administrator's, at the first run only.
pub fn text(addresses: Addresses, data: &Path, password: Option<&SecretString>) -> String {
    let (auth, api) = (addresses.auth_url(), addresses.api_url());
    let administrator = password.map(|password| administrator(password, &api)).unwrap_or_default();
    let steps = STEPS.replace("{auth}", &auth).replace("{api}", &api);
    let data = data.display().to_string();
    format!(
        "
Latchkey is running; Ctrl-C stops it. Open {auth}/ in a browser, or read on.

  auth server     {auth:<27}   registers people, opens sessions, issues tokens
  API             {api:<27}   believes those tokens, and knows nobody
  data            {data:<27}   delete it to begin anew
{administrator}
Paste this into bash in another terminal, step by step or as a whole:
{steps}"
    )
}

fn administrator(password: &SecretString, api: &str) -> String {
    format!(
        "  administrator   {:<27}   may also call {api}/admin
  password        {:<27}   shown this once, and kept nowhere
",
        administrator::EMAIL,
        password.expose_secret()
    )
}

/// For bash with curl, and nothing else. The address is another one at every paste, so that it works again.
/// No apostrophes in the remarks: a shell that takes them for commands would wait for the closing one.
const STEPS: &str = r#"
  AUTH={auth} API={api} JAR=$(mktemp)
  JSON='Content-Type: application/json'
  ANN='"email":"ann'$RANDOM'@example.org","password":"correct horse battery staple"'

  # 1. Register. The access token is in the answer, the refresh token in the cookie jar.
  ANSWER=$(curl -sS $AUTH/auth/register -c $JAR -H "$JSON" -d "{\"name\":\"Ann\",$ANN}")
  TOKEN=$(echo "$ANSWER" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$ANSWER"

  # 2. Call the API with the access token, which is good for one minute: Hello Ann.
  curl -sS -w '\n' $API/protected -H "Authorization: Bearer $TOKEN"

  # 3. Refresh: the cookie buys the next access token and is replaced. Keep the spent one.
  cp $JAR $JAR.spent
  curl -sS -w '\n' -X POST $AUTH/auth/refresh -b $JAR -c $JAR

  # 4. The spent cookie again. For 10 seconds it buys the same successor once more, as the answer
  #    may have been lost; then it counts as stolen and ends the session: 401, for the newest too.
  sleep 11
  curl -sS -w '\n' -X POST $AUTH/auth/refresh -b $JAR.spent
  curl -sS -w '\n' -X POST $AUTH/auth/refresh -b $JAR

  # 5. Log in anew, and log out: 204.
  curl -sS -w '\n' $AUTH/auth/login -c $JAR -H "$JSON" -d "{$ANN}"
  curl -sS -w '%{http_code}\n' -X POST $AUTH/auth/logout -b $JAR -c $JAR
"#;
