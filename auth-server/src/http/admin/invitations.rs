use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_claims::Problem;
use utoipa::ToSchema;

use crate::domain::context::Context;
use crate::domain::users::invitations::{self, Cursor, Invitation, Offer};
use crate::http::Validation;
use crate::http::extract::{AdminSession, FreshAdminSession, Json, PageQuery, Query, parse_id};
use crate::http::problems::{AddressTaken, RateLimited};
use crate::model::{CustomClaims, DisplayName, Email, Role, Roles};

/// An account that an administrator offers.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewInvitation)]
pub struct InvitationRequest {
    /// Address of a person without an account.
    #[schema(value_type = Email, required)]
    email: Option<String>,
    /// Display name, unless the person chooses another one.
    #[schema(value_type = Option<DisplayName>)]
    name: Option<String>,
    /// Roles of the new user.
    #[schema(max_items = 16, pattern = "^[a-z0-9_-]{1,32}$")]
    roles: Option<Vec<String>>,
    /// Custom claims of the new user: at most 1 KiB of JSON, without reserved names.
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
    /// Language of mails to the person, such as `de`.
    #[schema(pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length = 35)]
    locale: Option<String>,
}

/// An open invitation.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationBody {
    /// UUID.
    id: String,
    /// Normalized e-mail address.
    email: String,
    /// Display name.
    name: Option<String>,
    /// Roles of the new user.
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
    /// Custom claims of the new user.
    #[schema(value_type = Object)]
    claims: Map<String, Value>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// Only in the response that creates the invitation, and only if the server sends no mail. Deliver it to the person and
    /// no one else.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// A page of open invitations.
#[derive(Serialize, ToSchema)]
pub struct Invitations {
    /// Newest first.
    items: Vec<InvitationBody>,
    /// `cursor` of the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the open invitations, newest first.
#[utoipa::path(
    get, path = "/admin/invitations", tag = "administration", params(PageQuery),
    responses((status = 200, description = "A page of invitations", body = Invitations)),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn list_invitations(
    request: HttpRequest,
    context: web::Data<Context>,
    _: AdminSession,
) -> Result<HttpResponse, Problem> {
    let mut query = Query::read(&request)?;
    let (limit, cursor) = (query.limit(), query.take("cursor", str::parse::<Cursor>));
    query.check()?;
    let page = invitations::page(&context.database, context.now(), cursor, limit).await?;
    Ok(HttpResponse::Ok().json(Invitations {
        items: page.items.into_iter().map(|invitation| InvitationBody::new(invitation, None)).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Invites a person who has no account.
///
/// The person creates the account with a link, within 7 days, also if registration is closed. The link is sent by mail, or
/// returned if the server sends no mail. Earlier invitations to the same address become invalid.
#[utoipa::path(
    post, path = "/admin/invitations", tag = "administration", request_body = InvitationRequest,
    responses((status = 201, description = "The invitation", body = InvitationBody), AddressTaken, RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn invite(
    request: HttpRequest,
    context: web::Data<Context>,
    Json(body): Json<InvitationRequest>,
) -> Result<HttpResponse, Problem> {
    let admin = FreshAdminSession::extract(&request).await?;
    let offer = body.parse(&context)?;
    let operation = admin.operation(&context)?;
    let mail = context.mail_is_on().then(|| context.locale(None));
    let (invitation, token) = invitations::invite(&operation, &context.proof_tokens, offer, mail).await?;
    let link = token.map(|token| invitations::link(&context.policy.issuer, &token));
    let link = link.map(|link| link.expose_secret().to_owned());
    Ok(HttpResponse::Created().json(InvitationBody::new(invitation, link)))
}

/// Withdraws an open invitation.
#[utoipa::path(
    delete, path = "/admin/invitations/{id}", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the invitation")),
    responses((status = 204, description = "The link is invalid"), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn revoke_invitation(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    invitations::revoke(&admin.operation(&context)?, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends the mail of an open invitation again, with the same link.
///
/// The link is valid for 7 days from then on.
#[utoipa::path(
    post, path = "/admin/invitations/{id}/resend", tag = "administration",
    params(("id" = String, Path, format = "uuid", description = "Id of the invitation")),
    responses((status = 202, description = "The mail will be sent"), RateLimited),
    security(("refresh_cookie" = []), ("refresh_token" = []))
)]
pub async fn resend_invitation(
    context: web::Data<Context>,
    id: web::Path<String>,
    admin: FreshAdminSession,
) -> Result<HttpResponse, Problem> {
    let id = parse_id(&id)?;
    invitations::resend(&admin.operation(&context)?, id, context.locale(None)).await?;
    Ok(HttpResponse::Accepted().finish())
}

impl InvitationRequest {
    fn parse(self, context: &Context) -> Result<Offer, Problem> {
        let mut validation = Validation::default();
        let email = validation.email(self.email.as_deref());
        let name = validation.display_name(self.name.as_deref());
        let roles = validation.optional("roles", self.roles, |roles| Roles::parse(&roles));
        let claims = validation.optional("claims", self.claims, |claims| CustomClaims::parse(claims.into()));
        let locale = validation.locale(self.locale.as_deref(), &context.languages);
        let email = validation.finish(email)?;
        let (roles, claims) = (roles.unwrap_or_default(), claims.unwrap_or_default());
        Ok(Offer { email, name, roles, claims, locale })
    }
}

impl InvitationBody {
    fn new(invitation: Invitation, link: Option<String>) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.as_str().to_owned(),
            name: invitation.name.map(|name| name.as_str().to_owned()),
            roles: invitation.roles,
            claims: invitation.claims,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            link,
        }
    }
}
