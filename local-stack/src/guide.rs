//! The text that is printed at the start: addresses, and what to try.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use crate::addresses::Addresses;
use crate::administrator::{self, Administrator};
use crate::certificate::Certificate;
use crate::stack_file;

/// The text. It contains the administrator's password only if this run set it.
pub fn text(
    addresses: Addresses,
    data: &Path,
    administrator: &Administrator,
    certificate: Option<&Certificate>,
) -> String {
    let (auth, api) = (addresses.auth_url(), addresses.api_url());
    let trust = certificate.map(|one| format!("  export CURL_CA_BUNDLE={}\n", absolute(&one.authority_file)));
    let steps = STEPS.replace("{auth}", &auth).replace("{api}", &api);
    let steps = steps.replace("{trust}", &trust.unwrap_or_default());
    let certificate = certificate.map(lines_about_certificate).unwrap_or_default();
    let administrator = lines_about(administrator, &auth, data);
    let data = data.display().to_string();
    format!(
        "
Latchkey is running; Ctrl-C stops it. Open {auth}/ or read on.

  auth server     {auth:<27}   API reference at /docs
  API             {api:<27}   API reference at /docs
  data            {data:<27}   delete it to start over
  mailbox         {auth}/demo/mail
{administrator}{certificate}
Your own page may call both servers from any port of localhost: docs/web.md.

Paste this into bash in another terminal, step by step or as a whole:
{steps}"
    )
}

fn lines_about(administrator: &Administrator, auth: &str, data: &Path) -> String {
    let (password, sign_in_code) = match administrator {
        Administrator::Created { password, sign_in_code } => (password, sign_in_code),
        Administrator::Setup(Some(link)) => {
            let link = link.expose_secret();
            return format!(
                "  setup link      {link}\n                  creates the first administrator, within 24 hours\n"
            );
        }
        Administrator::Setup(None) => return String::new(),
    };
    let email = administrator::EMAIL;
    let file = data.join(stack_file::NAME).display().to_string();
    let password = match password {
        Some(password) => format!("{:<27}   also in {file}", password.expose_secret()),
        None => format!("in {file:<24}   --new-password sets a new one"),
    };
    let link = sign_in_code.as_ref().map(|code| sign_in_link(auth, code)).unwrap_or_default();
    format!(
        "  administrator   {email:<27}   console at /admin/
  password        {password}
{link}"
    )
}

fn lines_about_certificate(certificate: &Certificate) -> String {
    let (file, fingerprint) = (certificate.authority_file.display().to_string(), certificate.fingerprint());
    format!(
        "  certificate     {file:<27}   trust it: docs/web.md
  its SHA-256     {fingerprint}
"
    )
}

/// For a shell, in any folder.
fn absolute(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// The code is in the fragment, which browsers do not send. It would otherwise be in the log of a proxy.
fn sign_in_link(auth: &str, code: &SecretString) -> String {
    let code = code.expose_secret();
    format!(
        "  sign-in link    {auth}/demo/#sign-in={code}\n                  valid once, within 10 minutes\n"
    )
}

/// Requires only bash and curl. The e-mail address is random, so that the lines work again.
/// Comments contain no apostrophes: a shell that runs comments as commands would wait for the closing one.
const STEPS: &str = r#"
  AUTH={auth} API={api} JAR=$(mktemp)
{trust}  JSON='Content-Type: application/json'
  ANN='"email":"ann'$RANDOM'@example.org","password":"correct horse battery staple"'

  # 1. Register. The access token is in the response, the refresh token in the cookie jar.
  RESPONSE=$(curl -sS $AUTH/auth/register -c $JAR -H "$JSON" -d "{\"name\":\"Ann\",$ANN}")
  TOKEN=$(echo "$RESPONSE" | sed 's/.*"access_token":"\([^"]*\)".*/\1/'); echo "$RESPONSE"

  # 2. Call the API with the access token, which is valid for one minute: Hello Ann.
  curl -sS -w '\n' $API/protected -H "Authorization: Bearer $TOKEN"

  # 3. Refresh: returns a new access token and replaces the cookie. Keep the old cookie.
  cp $JAR $JAR.spent
  curl -sS -w '\n' -X POST $AUTH/auth/refresh -b $JAR -c $JAR

  # 4. Send the old cookie again. For 10 seconds it returns the same new one, because the response
  #    may have been lost. After that it counts as stolen and ends the session: 401 for both.
  sleep 11
  curl -sS -w '\n' -X POST $AUTH/auth/refresh -b $JAR.spent
  curl -sS -w '\n' -X POST $AUTH/auth/refresh -b $JAR

  # 5. Log in again, and log out: 204.
  curl -sS -w '\n' $AUTH/auth/login -c $JAR -H "$JSON" -d "{$ANN}"
  curl -sS -w '%{http_code}\n' -X POST $AUTH/auth/logout -b $JAR -c $JAR
"#;
