//! Adds to the OpenAPI document what the types of requests do not express.

use server_kit::openapi::operations;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::schema::{AdditionalProperties, AllOf, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, OneOfBuilder, OpenApi, Ref, RefOr, Schema};

/// Bodies have no unknown members, an optional parameter is never `null`, an audience is one of `audiences`, and a
/// login has either an e-mail address or a username.
pub fn complete(document: &mut OpenApi, audiences: &[String]) {
    let parameters = operations(document).flat_map(|(_, _, call)| call.parameters.iter_mut().flatten());
    parameters.for_each(without_null);
    let bodies = operations(document).filter_map(|(_, _, call)| call.request_body.as_ref());
    let names: Vec<String> = bodies.filter_map(schema_name).collect();
    let schemas = &mut document.components.get_or_insert_default().schemas;
    for name in names {
        let Some(RefOr::T(schema)) = schemas.get_mut(&name) else { continue };
        if let Schema::AllOf(parts) = schema {
            *schema = Schema::Object(merged(parts));
        }
        let Schema::Object(body) = schema else { continue };
        body.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        if let Some(audience) = body.properties.get_mut("audience") {
            *audience = one_of(audiences);
        }
    }
    if let Some(RefOr::T(login)) = schemas.get_mut("Login")
        && let Schema::Object(either) = login
    {
        let by_email = identified_by(either.clone(), "email", "username");
        let by_username = identified_by(either.clone(), "username", "email");
        *login = Schema::OneOf(OneOfBuilder::new().item(by_email).item(by_username).build());
    }
}

/// The members of flattened parts in one object: as `allOf`, each part would reject the members of the others.
fn merged(parts: &AllOf) -> Object {
    let all = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object));
    let mut all = all.description(parts.description.clone()).build();
    for part in &parts.items {
        let part = match part {
            RefOr::T(Schema::Object(part)) => part.clone(),
            RefOr::T(Schema::AllOf(parts)) => merged(parts),
            _ => continue,
        };
        all.properties.extend(part.properties);
        all.required.extend(part.required);
    }
    all
}

fn without_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { schema: Some(schema), .. }) = parameter else { return };
    match schema {
        RefOr::T(Schema::Object(value)) => {
            if let SchemaType::Array(types) = &value.schema_type
                && let Some(kind) = types.iter().find(|kind| **kind != Type::Null)
            {
                value.schema_type = SchemaType::Type(kind.clone());
            }
        }
        RefOr::T(Schema::OneOf(this_or_null)) => {
            let reference = this_or_null.items.iter().find(|item| matches!(item, RefOr::Ref(_)));
            *schema = reference.cloned().unwrap_or_else(|| schema.clone());
        }
        _ => {}
    }
}

/// Returns the name of the body's schema. An optional body has the alternative `null`.
fn schema_name(body: &RefOr<RequestBody>) -> Option<String> {
    let RefOr::T(body) = body else { return None };
    let RefOr::T(content) = body.content.values().next()? else { return None };
    let reference = match content.schema.as_ref()? {
        RefOr::T(Schema::OneOf(this_or_null)) => {
            this_or_null.items.iter().find(|item| matches!(item, RefOr::Ref(_)))?
        }
        schema => schema,
    };
    let RefOr::Ref(Ref { ref_location, .. }) = reference else { return None };
    ref_location.rsplit('/').next().map(str::to_owned)
}

fn one_of(audiences: &[String]) -> RefOr<Schema> {
    let names = audiences.iter().map(|name| Some(name.as_str())).chain([None]);
    let text_or_null = SchemaType::from_iter([Type::String, Type::Null]);
    let description = "Audience of the access token, by default the first one.";
    let audience = ObjectBuilder::new().schema_type(text_or_null).enum_values(Some(names));
    audience.description(Some(description)).into()
}

/// A login with one of two members. The other is absent or `null`.
fn identified_by(mut login: Object, needed: &str, absent: &str) -> Object {
    if let Some(RefOr::T(Schema::OneOf(this_or_null))) = login.properties.get(needed)
        && let Some(reference) = this_or_null.items.iter().find(|item| matches!(item, RefOr::Ref(_))).cloned()
    {
        login.properties.insert(needed.to_owned(), reference);
    }
    let nothing = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null)).build();
    login.properties.insert(absent.to_owned(), Schema::Object(nothing).into());
    login.required.push(needed.to_owned());
    login.title = Some(format!("With {needed}"));
    login
}
