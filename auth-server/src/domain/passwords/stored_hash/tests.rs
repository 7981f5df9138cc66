use argon2::Params;
use secrecy::SecretString;

use crate::domain::passwords::hashing_memory::HashingMemory;
use crate::domain::passwords::stored_hash::StoredHash;

const PASSWORD: &str = "correct horse battery staple";
const UMLAUT: &str = "Käsekuchen mit Sahne";
/// 100 bytes; bcrypt uses 72 of them.
const LONG: &str =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
/// `SECURITY_PASSWORD_SALT` of the application that made the Flask-Security hashes.
const FLASK_SALT: &str = "146585145368132386173505678016728509634";

/// Hashes that the libraries themselves made, at low costs.
const FOREIGN_HASHES: &[(&str, &str)] = &[
    // Django 5.2.19
    (PASSWORD, "pbkdf2_sha256$1000$djangoSalt0123456789ab$S8PEoYben78GX28VXKQDvyzAJYfCoDthXfr823G58Ms="),
    (UMLAUT, "pbkdf2_sha256$1000$djangoSalt0123456789ab$Han/+E9cWDjNgXgeYbyl8avWOW+JOMqGOVbviN4xX9c="),
    (PASSWORD, "pbkdf2_sha1$1000$djangoSalt0123456789ab$g4WKK6sBguxDJemo9ZE65VmsN3s="),
    (
        PASSWORD,
        "argon2$argon2id$v=19$m=64,t=2,p=8$ZGphbmdvU2FsdDAxMjM0NTY3ODlhYg$5Bl+WUSw+RItr21q/NKWoKEb8SO2xCCW20gYztIFz54",
    ),
    (PASSWORD, "bcrypt$$2b$04$d42KqCmH/9dRUps4OkrKOeMKfKxAX/C9SZroIjaNkGSyGj7I94S2u"),
    (PASSWORD, "bcrypt_sha256$$2b$04$EBMbD38a5GAvNW5bjFlguOhTxYV8D7dg4blN2odg1PspeSPfmKnfu"),
    (LONG, "bcrypt_sha256$$2b$04$HqgKdxZqR6g1zFgpTTdIbeIBX6OsrKn/SRzoTxLC04cimMJHaahoa"),
    // bcrypt 5.0.0 of PyPI; the last one has the prefix of PHP and old versions of crypt_blowfish
    (PASSWORD, "$2b$04$v6r0kukQ7iJ/XVasZl9/N.xY0Eb9ZJCnkbdQA2arxK29LeQph9e82"),
    (PASSWORD, "$2a$04$j66DhR8PVNJZVQ2hcMf4eOX3WUxHvcookmPS5yMIDbrr6v14t1cVu"),
    (UMLAUT, "$2b$04$V0Meb/3t1lKZlspaHk.8X.M9MIuQts2Ud4iOQ2G/aZ2Rr7u7YX/.K"),
    (PASSWORD, "$2y$04$qdM2Y.GTVx.dekpyV.HSsOUXcmMgGF6vWwku43FyzO1tzQrVAWjqC"),
    // passlib 1.7.4, and bcrypt 4.0.1 of PyPI, the last version that truncates passwords
    (LONG, "$2b$04$FjTGsnFyzDcslrS97J5KxuXTvto7qvvN4fLzY3vYR6xWJLOUGCirW"),
    (LONG, "$2b$04$BBQ4tay0i0j5fPeOcxBvROb0FLP7YC9fuYI4PvLeIlclgMiD4DL0a"),
    // libpass 1.9.4, the successor of passlib
    (PASSWORD, "$pbkdf2-sha256$1000$Xcu5F8KYE0LoPafU.l/rnQ$ZG/VQetWzEZghsiJBHviDuHrDpP/CYlkw.xDUFV3VCo"),
    (
        PASSWORD,
        "$pbkdf2-sha512$1000$6703pnQuZUxJCeH8n3NubQ$xB13oF4u/od4Kaj9.fpcwVUIWwW9xq94Wqt27iYcF90glUOXUblP3RHzk4qCh6zWUjDalYO6895sd06H0UFuow",
    ),
    (PASSWORD, "$pbkdf2$1000$OwegdO6dkxKCsFbqvbcWog$zXKMFmWekzAsmJDuTkbjEu2jTfU"),
    // Werkzeug 3.1.9
    (
        PASSWORD,
        "pbkdf2:sha256:1000$p2Whd6G7XWSgDJRe$ab07c1d0d5af270e490e8b73b76372bfba4b61fb97c182cf9a2304f784d7d18c",
    ),
    (PASSWORD, "pbkdf2:sha1:1000$O9lPdiLYieqR8Ug5$55eafc5d47c9708443f7741b26a6ade37d65ce59"),
    (
        PASSWORD,
        "pbkdf2:sha512:1000$K3lgO4R5t3zwsD4Q$7594e23f5ad36b3d2722fcd1fb28ba58bda90b58c14cda4a0121eedd239aeb42f2e170d24e1762a04519b30388d798dfabde8a9d0d0bc14cf4ccc514e544fb91",
    ),
    // argon2-cffi 25.1.0: each type, the previous version, and the previous version without its number
    (
        PASSWORD,
        "$argon2i$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$822Xc7QKwjEzbnhKO41A31zQInml8qslx5CXz6EO4s4",
    ),
    (
        PASSWORD,
        "$argon2d$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$RlZZOVrL0+eejyOJSO0AgwlqOLLyqcMga7Oa7sv98tg",
    ),
    (
        PASSWORD,
        "$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$5U7ytXzDNlJEuT9OvS0FicNxptuh2DUALVmiOi1HJJo",
    ),
    (
        PASSWORD,
        "$argon2i$v=16$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$yG0oksu3LIyfVuqzWy7M/wjauW2YrJfDY+RxZl/x0Z4",
    ),
    (PASSWORD, "$argon2i$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$yG0oksu3LIyfVuqzWy7M/wjauW2YrJfDY+RxZl/x0Z4"),
    // Flask-Security-Too 5.9.2, which normalizes the password first; the import adds the prefix
    (
        PASSWORD,
        "flask-security$$argon2id$v=19$m=64,t=2,p=1$pDSmtBZiTGkNodS6N6aUUg$M9gn3HjTnqtzPYc5Qd/X5GCn8g1cZhIFKEksUMMvA0k",
    ),
    (
        UMLAUT,
        "flask-security$$argon2id$v=19$m=64,t=2,p=1$AGBMCaH0XovRuncuBYAw5g$LFXzhXHRp6ykRXa3+qOUQyla14rDK63ZVA8Kgfxfh3w",
    ),
    (PASSWORD, "flask-security$$2b$04$nXqWg0BfWPOYpYSl/rbFKOAlpMi5d4iDh6dsZ7yATTg17yZmUT2PW"),
    (UMLAUT, "flask-security$$2b$04$93CVzBHyBnMY9mmLNK5qROroWbHqUqaTZoTHo4YBHWZQQJN4k.o62"),
    (
        PASSWORD,
        "flask-security$$pbkdf2-sha512$1000$YUzJOUeI8f4/5/yfcw5ByA$Gk66NallYH4JmAvGTmWp3mlnW2NvEpSCpAaxUpZaTuLMCDozw0B4LhWkO3huUbuXGarqq7UjgyPbVytwXyzIog",
    ),
    (
        UMLAUT,
        "flask-security$$pbkdf2-sha512$1000$YQxBiFHqnbO2VmrtnVMKIQ$p4SLafTDQhPlRwuW2sTAsbj.ExNiQ/H8j9nFvKf3ZEeEnbQw1rAxCz2E6qB.WLTq1rJLfvTeZ7TWAT1leZC2SA",
    ),
    (
        PASSWORD,
        "flask-security$$pbkdf2-sha256$1000$4BzDeI.RklIKgTAGQAhB6A$yI0Z7GZNFR6qYpKGpK1k0Xyu7V57PXwX4hHfhs6ugDc",
    ),
    (
        UMLAUT,
        "flask-security$$pbkdf2-sha256$1000$MoawFqLUGsN4j7FWSqkVog$2.PoxWo89qblmQoGyFk.KFwKosHEl4XPgxi1wHHvvfM",
    ),
    // Keycloak, whose rows in base64 are joined: it derives 64 bytes; then 32 bytes, and SHA-512, and the PHC format
    (
        PASSWORD,
        "$pbkdf2-sha256$1000$zzjWYrfGCkW3obSDA8JWLg==$LqFt41kSfenlEm7+4BeNjtD89MSe+p2gWJ9x4i/0Ieh9zn9ruQEOFV+WHhFKAOFWV2FTeyMxZPilFrx4yICQgQ==",
    ),
    (PASSWORD, "$pbkdf2-sha256$1000$zzjWYrfGCkW3obSDA8JWLg==$LqFt41kSfenlEm7+4BeNjtD89MSe+p2gWJ9x4i/0Ieg="),
    (
        PASSWORD,
        "$pbkdf2-sha512$1000$zzjWYrfGCkW3obSDA8JWLg==$hHK8OvU5Sz6nxNuAfXIj49Aq/tDHaUlot9bDNssk8wgtSi+Vg24ReXDDxZSRp9U/ecU5hjya+Rky71LChI8bJw==",
    ),
    (
        PASSWORD,
        "$pbkdf2-sha256$i=1000,l=32$zzjWYrfGCkW3obSDA8JWLg$LqFt41kSfenlEm7+4BeNjtD89MSe+p2gWJ9x4i/0Ieg",
    ),
    // scrypt at low costs: Werkzeug 3.1.8, Django 5.2.19, passlib 1.7.4, and Firebase's variant computed with node:crypto
    (
        PASSWORD,
        "scrypt:1024:8:1$0ZpvB8PdXn3qK29y$d62c0fbc94406b85c7162d1e359ad59fd004d0a50dcfc01104d187cf3f7d5a05026a0d364dc9ffd1ddac4958d898d75081bc33683b0fb49f7f0be2d065c01bea",
    ),
    (
        PASSWORD,
        "scrypt$1024$HNWp7Zi87asq3kZiomTR6U$8$2$d6BdKquoqDWcmgIjIueYU+K+ag+GXdfStv/YAB+W/nyDmLOmlhVwbNEwjE+nwzdEJmaast/Qe/dJyTTHwznGTA==",
    ),
    (PASSWORD, "$scrypt$ln=10,r=8,p=1$mVPKWSuFMGas9d4bAyDkPA$4tNrgBpZHOX9QCxnMZoRGCSSz4/4rMCmJqRcFGL2LRs"),
    (
        PASSWORD,
        "$fbscrypt$v=1,n=10,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$vQibveBq3PMBQy8hUpLTiiYvBoJNsSbxjCcWRxc908dxKWx/Mppc2YL+hdNJrn9JdO0/eLJRBmQ6Ttg7sOtquQ==",
    ),
];

/// Hashes at the costs that their programs use by default.
const COSTLY_FOREIGN_HASHES: &[(&str, &str)] = &[
    // Werkzeug 3.1.8
    (
        PASSWORD,
        "scrypt:32768:8:1$mKylOFjU9e56hV54$226a9fa9a26725c01e21efc1fcdfb8084a5580f34999879b51ecd850350d218869722b452d9909f1b87b7e45153dff528cb39aafd12061739b7836aa94a5a3a7",
    ),
    (
        UMLAUT,
        "scrypt:32768:8:1$mhWffZhEEyeILmVB$0c1a0315bc3ee170529c0e551cf67253c166f0b80436a1855213b77af1dc3eadf617ddf764fe926e0649fcfe4d350baab53d0d783a2c06fc483ee74c30258967",
    ),
    // Django 5.2.19
    (
        PASSWORD,
        "scrypt$16384$nRCoZayjS0Ehs6dSOXx6Yc$8$5$uP60swQCZyU6Vb1aBAcqvP4tfY+aVd+/oAPBVYggiZ1wsJD0iYd38bnAop20FFK+Q7i2J3TK2P9zltaA/pr8hQ==",
    ),
    // better-auth, whose code ran on Node.js 20; the last password is not in NFKC
    (
        PASSWORD,
        "178ca3493f86f1342d8fab11b58d27c8:7e57d64f2043fcf479a5f8c61390d8c5b2f7187f02578f91a5ae5353f3c0019ecbc6e0c87ba12609d4411a53e91dcecdac897d9805cd0ec3d15894ac7f811c57",
    ),
    (
        "\u{fb01}ve K\u{e4}sekuchen \u{bd}",
        "24dbcb59a98eea4fe9ef021ee5b6c4ed:8f47efc0ec1e576adeb9dffb81abb1c860e6e49f54dc228ecbfcf8ddcd50e1f83c1f405d606d95a96a4508fc1e746571c52450a9edfc9630d65079642c2d946f",
    ),
    // The example in the documentation of Firebase
    (
        "user1password",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    ),
];

fn verifies(password: &str, hash: &str) -> bool {
    let stored = StoredHash::parse(hash).unwrap_or_else(|| panic!("{hash} has an unknown format"));
    verifies_with(password, &stored, Some(FLASK_SALT))
}

fn verifies_with(password: &str, stored: &StoredHash, flask_salt: Option<&str>) -> bool {
    let salt = flask_salt.map(SecretString::from);
    stored.verify(&password.into(), salt.as_ref(), &mut HashingMemory::default())
}

#[test]
fn foreign_hashes_verify_their_password_and_no_other() {
    for (password, hash) in FOREIGN_HASHES.iter().chain(COSTLY_FOREIGN_HASHES) {
        assert!(verifies(password, hash), "{hash}");
        for wrong in
            ["", "correct horse battery stapl", "Correct horse battery staple", "kasekuchen mit sahne", hash]
        {
            assert!(!verifies(wrong, hash), "{hash} verifies {wrong}");
        }
        assert!(StoredHash::parse(hash).is_some_and(|stored| stored.is_affordable()), "{hash}");
    }
}

#[test]
fn a_damaged_hash_verifies_no_password_and_nothing_panics() {
    for (password, hash) in FOREIGN_HASHES {
        for index in 0..hash.len() {
            for byte in [b'$', b'0', b'\0'] {
                // Some bits of the last character of a bcrypt salt are unused: changing them is no damage.
                let is_end_of_bcrypt_salt = hash.contains("$2") && hash.len() - index == 32;
                let original = hash.as_bytes()[index];
                if is_end_of_bcrypt_salt || original == byte {
                    continue;
                }
                let mut damaged = hash.as_bytes().to_vec();
                damaged[index] = byte;
                assert_rejects(password, &String::from_utf8(damaged).expect("ASCII"));
            }
            // Padding may be absent.
            if !hash[index..].bytes().all(|byte| byte == b'=') {
                assert_rejects(password, &hash[..index]);
            }
            assert_rejects(password, &format!("{}ö{}", &hash[..index], &hash[index..]));
        }
    }
}

fn assert_rejects(password: &str, damaged: &str) {
    // A damaged cost may be so high that the check would take hours.
    let stored = StoredHash::parse(damaged).filter(StoredHash::is_affordable);
    assert!(!stored.is_some_and(|stored| verifies_with(password, &stored, Some(FLASK_SALT))), "{damaged:?}");
}

#[test]
fn bcrypt_uses_72_bytes() {
    let bcrypt = FOREIGN_HASHES.iter().filter(|(password, hash)| *password == LONG && hash.starts_with('$'));
    for (_, hash) in bcrypt {
        assert!(verifies(&LONG[..72], hash));
        assert!(verifies(&format!("{}other text", &LONG[..72]), hash));
        assert!(!verifies(&LONG[..71], hash));
    }
    let (_, prehashed) = FOREIGN_HASHES.iter().find(|(password, _)| *password == LONG).expect("Django's");
    assert!(prehashed.starts_with("bcrypt_sha256$") && !verifies(&LONG[..72], prehashed));
}

#[test]
fn a_flask_security_hash_requires_its_salt() {
    for (password, hash) in FOREIGN_HASHES.iter().filter(|(_, hash)| hash.starts_with("flask-security$")) {
        let stored = StoredHash::parse(hash).expect("a hash");
        assert!(!verifies_with(password, &stored, None));
        assert!(!verifies_with(password, &stored, Some("another salt")));
        let inner = StoredHash::parse(&hash["flask-security$".len()..]).expect("a hash");
        assert!(!verifies_with(password, &inner, Some(FLASK_SALT)));
    }
}

#[test]
fn only_argon2id_with_the_current_settings_is_current() {
    let settings = |passes| Params::new(64, passes, 2, None).expect("settings");
    let is_current =
        |hash: &str, passes| StoredHash::parse(hash).expect("a hash").is_current(&settings(passes));
    let phc = FOREIGN_HASHES.iter().find(|(_, hash)| hash.starts_with("$argon2id$")).expect("one").1;
    assert!(is_current(phc, 2) && !is_current(phc, 3));
    assert!(!is_current(&phc.replace("argon2id", "argon2i"), 2));
    assert!(!is_current(&phc.replace("v=19", "v=16"), 2));
    assert!(!is_current(&format!("argon2{phc}"), 2), "Django's format");
    assert!(!is_current(&format!("flask-security${phc}"), 2));
}

#[test]
fn expensive_hashes_are_not_affordable() {
    let b64 = |bytes: usize| "A".repeat((bytes * 8).div_ceil(6));
    let argon2 = |settings: &str| format!("$argon2id$v=19${settings}${}${}", b64(16), b64(32));
    let bcrypt = |cost: u32| format!("$2b${cost}${}{}", ".".repeat(22), ".".repeat(31));
    let pbkdf2 = |rounds: u32| format!("$pbkdf2-sha256${rounds}${}${}", b64(16), b64(32));
    let is_affordable = |hash: &str| StoredHash::parse(hash).expect("a hash").is_affordable();
    let pbkdf2_of_64_bytes = |rounds: u32| format!("$pbkdf2-sha256${rounds}${}${}", b64(16), b64(64));
    let scrypt = |costs: &str| format!("$scrypt${costs}${}${}", b64(16), b64(64));
    for hash in [pbkdf2_of_64_bytes(2_500_000), scrypt("ln=18,r=8,p=2"), scrypt("ln=10,r=2048,p=1")] {
        assert!(is_affordable(&hash), "{hash}");
    }
    for hash in [
        pbkdf2_of_64_bytes(2_500_001),
        scrypt("ln=19,r=8,p=1"),
        scrypt("ln=18,r=8,p=3"),
        scrypt("ln=10,r=8,p=1000"),
        scrypt("ln=30,r=1048576,p=1"),
    ] {
        assert!(!is_affordable(&hash), "{hash}");
    }
    for hash in [argon2("m=262144,t=4,p=1"), argon2("m=102400,t=2,p=8"), bcrypt(14), pbkdf2(5_000_000)] {
        assert!(is_affordable(&hash), "{hash}");
    }
    for hash in [
        argon2("m=262145,t=1,p=1"),
        argon2("m=262144,t=5,p=1"),
        argon2("m=8,t=4294967295,p=1"),
        bcrypt(15),
        bcrypt(31),
        pbkdf2(5_000_001),
        pbkdf2(u32::MAX),
    ] {
        assert!(!is_affordable(&hash), "{hash}");
    }
}

#[test]
fn text_in_an_unknown_format_is_rejected() {
    let b64 = |bytes: usize| "A".repeat((bytes * 8).div_ceil(6));
    for text in [
        "",
        "$",
        "$$",
        "!",
        "!Zn6pMDVHl1Ak0gUNJRZcIzxHJEFWhBDgZlfGV0tP",
        "correct horse battery staple",
        "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
        "scrypt:32768:8:1$salt$00",
        "$1$salt$hash",
        "$2x$04$.....................................................",
        "$2b$32$.....................................................",
        "$2b$03$.....................................................",
        "$2b$4$.....................................................",
        "$2b$04$....................................................",
        "$argon2id$v=19$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA",
        "$argon2id$v=19$m=64,t=2,p=9$c2FsdHNhbHRzYWx0c2FsdA$5U7ytXzDNlJEuT9OvS0FicNxptuh2DUALVmiOi1HJJo",
        "$argon2id$v=18$m=64,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$5U7ytXzDNlJEuT9OvS0FicNxptuh2DUALVmiOi1HJJo",
        "argon2$2b$04$.....................................................",
        "flask-security$pbkdf2_sha256$1000$salt$S8PEoYben78GX28VXKQDvyzAJYfCoDthXfr823G58Ms=",
        &format!("$pbkdf2-sha256$0${}${}", b64(16), b64(32)),
        &format!("$pbkdf2-sha256$+1${}${}", b64(16), b64(32)),
        &format!("$pbkdf2-sha256$1000${}${}", b64(16), b64(31)),
        &format!("$pbkdf2-sha256$1000${}$", b64(16)),
        &format!("$pbkdf2-sha256$1000$${}", b64(32)),
        &format!("$pbkdf2-sha256$1000${}${}", "A".repeat(512), b64(32)),
        &format!("$pbkdf2-sha256$i=1000,l=64${}${}", b64(16), b64(32)),
        &format!("$scrypt$ln=10,r=8${}${}", b64(16), b64(32)),
        &format!("$scrypt$ln=10,r=8,p=1,x=1${}${}", b64(16), b64(32)),
        &format!("$scrypt$ln=31,r=8,p=1${}${}", b64(16), b64(32)),
        &format!("$scrypt$ln=10,r=8,p=1${}${}", b64(16), b64(16)),
        &format!("$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk={}${}${}", b64(64), b64(10), b64(64)),
        &format!("scrypt:1000:8:1$salt${}", "0".repeat(128)),
        &format!("{}:{}", "0".repeat(30), "0".repeat(128)),
        &format!("{}:{}", "0".repeat(32), "0".repeat(64)),
        "pbkdf2:sha256$salt$b672bc35b7432d76604d722c170df8b105f54d51e2f5ec6d6a2bb4f5138d153d",
        "pbkdf2:md5:1000$salt$b672bc35b7432d76604d722c170df8b1",
        "pbkdf2:sha1:1000$salt$05b07aca8de06f0c9adb9e5c4687d53c8e51e7b",
    ] {
        assert!(StoredHash::parse(text).is_none(), "{text}");
    }
}
