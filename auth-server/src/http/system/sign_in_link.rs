use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;
use shared_claims::Problem;

use crate::domain::context::Context;
use crate::domain::sessions::NewSession;
use crate::domain::sessions::sign_in_link::{self, SignInLink, SignInLinkError};
use crate::http::auth::email_verification::code_required;
use crate::http::extract::Json;
use crate::http::extract::refresh_token::find_all;
use crate::http::{Cookies, LoginRateLimit, responses};
use crate::model::{ClientInfo, Delivery};

/// The secret of a sign-in link. The link has it in its fragment, which browsers do not send.
#[derive(Deserialize)]
pub struct Exchange {
    code: SecretString,
}

/// Exchanges the code for a session, which ends with the browser.
pub async fn exchange(
    request: HttpRequest,
    context: web::Data<Context>,
    link: web::Data<SignInLink>,
    rate_limit: web::Data<LoginRateLimit>,
    cookies: Cookies,
    client: ClientInfo,
    Json(Exchange { code }): Json<Exchange>,
) -> Result<HttpResponse, Problem> {
    let (superseded, origin) = (find_all(&request, cookies, None)?, client.clone());
    let delivery = Delivery::RefreshCookie;
    let session = NewSession { delivery, remember: false, audience: None, client, superseded };
    let outcome = sign_in_link::log_in(&context, &link, &code, session).await;
    if let Err(SignInLinkError::EmailUnverified(user)) = &outcome {
        return Err(code_required(&request, &context, &rate_limit, user, &origin).await?);
    }
    Ok(responses::new_session(HttpResponse::Ok(), &request, cookies, &outcome?))
}
