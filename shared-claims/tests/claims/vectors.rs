//! Published test vectors.

use serde_json::{Value, json};
use shared_claims::testing::SigningKey;
use shared_claims::{Algorithm, KeySet, TokenError, secret_key_id, thumbprint, verify_signature};

/// The payload of RFC 7515 A.1 to A.3, line ends included.
const RFC7515_PAYLOAD: &[u8] =
    b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

/// The key of RFC 7515 A.2.1.
const RSA_MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

/// The key of RFC 7638 §3.1.
const RFC7638_MODULUS: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

fn only(jwk: &Value) -> KeySet {
    let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a key set");
    assert_eq!(set.len(), 1);
    set
}

#[test]
fn rfc_7515_appendix_a_1_hs256() {
    let secret =
        base64url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let keys = KeySet::from_secrets([secret.as_slice()]);
    assert_eq!(verify_signature(token, &keys, &[Algorithm::Hs256]).as_deref(), Ok(RFC7515_PAYLOAD));
    assert_eq!(verify_signature(token, &keys, Algorithm::ASYMMETRIC), Err(TokenError::AlgorithmNotAllowed));
}

#[test]
fn rfc_7515_appendix_a_2_rs256() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let keys = only(&json!({"kty": "RSA", "n": RSA_MODULUS, "e": "AQAB"}));
    assert_eq!(verify_signature(token, &keys, &[Algorithm::Rs256]).as_deref(), Ok(RFC7515_PAYLOAD));
}

#[test]
fn rfc_7515_appendix_a_3_es256() {
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let keys = only(&json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    }));
    assert_eq!(verify_signature(token, &keys, &[Algorithm::Es256]).as_deref(), Ok(RFC7515_PAYLOAD));
}

#[test]
fn rfc_8037_appendix_a_4_ed25519() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let payload = verify_signature(token, &only(&jwk), &[Algorithm::EdDsa]);
    assert_eq!(payload.as_deref(), Ok(b"Example of Ed25519 signing".as_slice()));
    let changed = token.replace(".hgyY", ".hgyZ");
    assert_eq!(verify_signature(&changed, &only(&jwk), &[Algorithm::EdDsa]), Err(TokenError::BadSignature));
}

#[test]
fn rfc_7638_and_rfc_8037_thumbprints() {
    let rsa = json!({"kty": "RSA", "n": RFC7638_MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    assert_eq!(thumbprint(&rsa).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    let ed25519 = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(thumbprint(&ed25519).as_deref(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    assert_eq!(thumbprint(&json!({"kty": "oct", "k": "AAAA"})), None);
    assert_eq!(thumbprint(&json!("key")), None);
}

#[test]
fn a_token_without_kid_is_verified_only_with_a_single_key() {
    let [one, other] = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256));
    let token = one.sign(&json!({"alg": "ES256"}), &json!({}));
    assert!(verify_signature(&token, &one.key_set(), &[Algorithm::Es256]).is_ok());
    let both = shared_claims::testing::jwk_set(&[&one, &other]).to_string();
    let both = KeySet::parse(both.as_bytes()).expect("a key set");
    assert_eq!(verify_signature(&token, &both, &[Algorithm::Es256]), Err(TokenError::MissingKeyId));
    assert_eq!(verify_signature(&token, &KeySet::default(), &[Algorithm::Es256]), Err(TokenError::NoKeys));
}

#[test]
fn the_kid_of_a_secret_is_its_thumbprint() {
    let keys = KeySet::from_secrets([b"0123456789abcdef0123456789abcdef".as_slice()]);
    let id = secret_key_id(b"0123456789abcdef0123456789abcdef");
    assert_eq!(keys.kids().collect::<Vec<_>>(), [id.as_str()]);
    assert_eq!(id.len(), 43);
    assert!(!format!("{keys:?}").contains("0123456789abcdef"));
}

fn base64url(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
