//! A software authenticator with one ES256 key, and the browser in front of it. Has its own encoder, so that it shares no
//! code with the verifier that it tests.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SystemRandom, fill};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub const USER_PRESENT: u8 = 0x01;
pub const USER_VERIFIED: u8 = 0x04;
pub const BACKUP_ELIGIBLE: u8 = 0x08;
pub const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

/// By default a synchronised passkey without a counter. Change the fields for other kinds.
pub struct Authenticator {
    pub rp_id: String,
    pub origin: String,
    pub credential_id: Vec<u8>,
    /// The flags of the next response.
    pub flags: u8,
    /// The counter of the next response. Grows only if a test says so.
    pub sign_count: u32,
    /// Registers with `packed` self attestation instead of `none`.
    pub self_attestation: bool,
    /// The user handle of the last registration. `None` in security keys that do not store it.
    pub user_handle: Option<String>,
    key: EcdsaKeyPair,
}

impl Authenticator {
    pub fn new(rp_id: &str, origin: &str) -> Self {
        let mut credential_id = vec![0; 32];
        fill(&mut credential_id).expect("random bytes");
        Self {
            rp_id: rp_id.to_owned(),
            origin: origin.to_owned(),
            credential_id,
            flags: USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP,
            sign_count: 0,
            self_attestation: false,
            user_handle: None,
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
        }
    }

    /// A key bound to one device, with a counter.
    pub fn device_bound(rp_id: &str, origin: &str) -> Self {
        Self { flags: USER_PRESENT | USER_VERIFIED, sign_count: 1, ..Self::new(rp_id, origin) }
    }

    /// `RegistrationResponseJSON` for creation options.
    pub fn register(&mut self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.create", options);
        let attestation = self.attestation_object(&client_data);
        let requires_resident_key = options["authenticatorSelection"]["residentKey"] == "required";
        let user_handle = options["user"]["id"].as_str().filter(|_| requires_resident_key);
        self.user_handle = user_handle.map(str::to_owned);
        json!({
            "id": encode(&self.credential_id),
            "rawId": encode(&self.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": { "credProps": { "rk": requires_resident_key } },
            "response": {
                "clientDataJSON": encode(&client_data),
                "attestationObject": encode(&attestation),
                "transports": ["internal", "hybrid"],
                "publicKeyAlgorithm": -7,
            },
        })
    }

    /// `AuthenticationResponseJSON` for request options.
    pub fn assert(&self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", options);
        let authenticator_data = self.authenticator_data(self.flags);
        let signature = self.sign(&authenticator_data, &client_data);
        json!({
            "id": encode(&self.credential_id),
            "rawId": encode(&self.credential_id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": encode(&client_data),
                "authenticatorData": encode(&authenticator_data),
                "signature": encode(&signature),
                "userHandle": self.user_handle,
            },
        })
    }

    /// Signs with the credential's key, as authenticators do: the data and the hash of the client data.
    pub fn sign(&self, authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
        let signed = [authenticator_data, digest(&SHA256, client_data).as_ref()].concat();
        self.key.sign(&SystemRandom::new(), &signed).expect("a signature").as_ref().to_vec()
    }

    /// The COSE key, members in canonical order.
    pub fn cose_key(&self) -> Vec<u8> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21", &bytes(x)[..], b"\x22", &bytes(y)].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = &options["challenge"];
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false })
            .to_string()
            .into_bytes()
    }

    fn attestation_object(&self, client_data: &[u8]) -> Vec<u8> {
        let id = &self.credential_id;
        let length = u16::try_from(id.len()).expect("a short id").to_be_bytes();
        let credential = [&[0; 16], &length[..], id, &self.cose_key()].concat();
        let data = [self.authenticator_data(self.flags | HAS_CREDENTIAL), credential].concat();
        let (format, statement) = if self.self_attestation {
            let signature = bytes(&self.sign(&data, client_data));
            // {"alg": -7, "sig": signature}
            (&b"\x66packed"[..], [b"\xa2\x63alg\x26\x63sig", &signature[..]].concat())
        } else {
            (&b"\x64none"[..], vec![0xa0])
        };
        [b"\xa3\x63fmt", format, b"\x67attStmt", &statement, b"\x68authData", &bytes(&data)].concat()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let rp_id_hash = digest(&SHA256, self.rp_id.as_bytes());
        [rp_id_hash.as_ref(), &[flags], &self.sign_count.to_be_bytes()].concat()
    }
}

/// A byte string in CBOR.
fn bytes(value: &[u8]) -> Vec<u8> {
    let length = match u16::try_from(value.len()).expect("a short string") {
        length @ 0..24 => vec![0x40 + length.to_be_bytes()[1]],
        length @ 24..256 => vec![0x58, length.to_be_bytes()[1]],
        length => [&[0x59], &length.to_be_bytes()[..]].concat(),
    };
    [length, value.to_vec()].concat()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
