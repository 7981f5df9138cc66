//! Imported users log in with hashes from other systems.

use serde_json::{Value, json};
use test_support::{TestDatabase, evidence};

use super::import::{HASH, import};
use crate::app::{PASSWORD, TestApp};
use crate::program;

const UMLAUT: &str = "Käsekuchen mit Sahne";
/// 100 bytes; bcrypt uses the first 72.
const LONG: &str =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
/// `SECURITY_PASSWORD_SALT` of the application that made the hashes of Flask-Security.
const FLASK_SALT: &str = "146585145368132386173505678016728509634";

/// Each format as its library writes it. The tests of `stored_hash` name the libraries.
#[actix_web::test]
async fn imported_hashes_verify_and_are_upgraded_at_login() {
    const FORMS: &[(&str, &str)] = &[
        (PASSWORD, HASH),
        (UMLAUT, "pbkdf2_sha256$1000$djangoSalt0123456789ab$Han/+E9cWDjNgXgeYbyl8avWOW+JOMqGOVbviN4xX9c="),
        (PASSWORD, "pbkdf2_sha1$1000$djangoSalt0123456789ab$g4WKK6sBguxDJemo9ZE65VmsN3s="),
        (
            PASSWORD,
            "argon2$argon2id$v=19$m=64,t=2,p=8$ZGphbmdvU2FsdDAxMjM0NTY3ODlhYg$5Bl+WUSw+RItr21q/NKWoKEb8SO2xCCW20gYztIFz54",
        ),
        (PASSWORD, "bcrypt$$2b$04$l737Y15oTeoIegj5t.Ngy.Xg/FzLsQ2lStr9fObSBwhGoi3PzhFSa"),
        (LONG, "bcrypt_sha256$$2b$04$QJUoovcsELnrUOKf3sgOG.DOgyHlNqm.poDryNy6CRlT5S4dSjejG"),
        (PASSWORD, "$2a$04$/YtNMOV.aTjqTTwUSEa3f.NqGBmV5rEi/v4CzyywQRCZOp3IYAP7i"),
        (LONG, "$2b$04$DHZaqTDRLYx8vYG5ftsAquc0DWWj9yBXlf88ehIv4yqy7xa7pq.XG"),
        (PASSWORD, "$2y$04$HNmcAM0V6KJWZlvjqtKL2e823d.H0qhpQZCL4V9KGk0.rje6joYI."),
        (PASSWORD, "$pbkdf2-sha256$1000$sRbinNPa2xuj9H4PQSiFUA$YcWmr1TcSeHXkGc9W4nlmjmWpWJBLO9w0fovGJeMA38"),
        (PASSWORD, "$pbkdf2$1000$nPP./x/j3Nt7zzmn1FrLeQ$/7IU.hG4bDPVumT3MmbrLBlQzDU"),
        (
            PASSWORD,
            "pbkdf2:sha256:1000$KZUkE2FZuD5Ycyeh$b672bc35b7432d76604d722c170df8b105f54d51e2f5ec6d6a2bb4f5138d153d",
        ),
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
            "$argon2i$m=64,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$yG0oksu3LIyfVuqzWy7M/wjauW2YrJfDY+RxZl/x0Z4",
        ),
        (
            PASSWORD,
            "$pbkdf2-sha256$1000$zzjWYrfGCkW3obSDA8JWLg==$LqFt41kSfenlEm7+4BeNjtD89MSe+p2gWJ9x4i/0Ieh9zn9ruQEOFV+WHhFKAOFWV2FTeyMxZPilFrx4yICQgQ==",
        ),
        (
            PASSWORD,
            "scrypt:32768:8:1$mKylOFjU9e56hV54$226a9fa9a26725c01e21efc1fcdfb8084a5580f34999879b51ecd850350d218869722b452d9909f1b87b7e45153dff528cb39aafd12061739b7836aa94a5a3a7",
        ),
        (
            PASSWORD,
            "scrypt$16384$nRCoZayjS0Ehs6dSOXx6Yc$8$5$uP60swQCZyU6Vb1aBAcqvP4tfY+aVd+/oAPBVYggiZ1wsJD0iYd38bnAop20FFK+Q7i2J3TK2P9zltaA/pr8hQ==",
        ),
        (
            PASSWORD,
            "178ca3493f86f1342d8fab11b58d27c8:7e57d64f2043fcf479a5f8c61390d8c5b2f7187f02578f91a5ae5353f3c0019ecbc6e0c87ba12609d4411a53e91dcecdac897d9805cd0ec3d15894ac7f811c57",
        ),
        (
            PASSWORD,
            "$scrypt$ln=10,r=8,p=1$mVPKWSuFMGas9d4bAyDkPA$4tNrgBpZHOX9QCxnMZoRGCSSz4/4rMCmJqRcFGL2LRs",
        ),
        (
            PASSWORD,
            "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$0MSeef4wYKv4y35WORq9U7xDS/7w8c93jpJPky4SQE0q4WUtAfb88FUYrutJFXjs9VvYAhZmm0OGm76S3HhXvg==",
        ),
        // From a column of type CHAR(72).
        (PASSWORD, "$2b$04$v6r0kukQ7iJ/XVasZl9/N.xY0Eb9ZJCnkbdQA2arxK29LeQph9e82            "),
    ];
    assert_upgraded_at_login(FORMS, &[]).await;
}

#[actix_web::test]
async fn flask_security_hashes_verify_and_are_upgraded_at_login() {
    const FORMS: &[(&str, &str)] = &[
        (
            PASSWORD,
            "$argon2id$v=19$m=64,t=2,p=1$jdF6T8lZK6W09r43htC6lw$UbCT97WBM4ZngZ7q9nAmRs8+QsFDxZjblJuScfCTdUE",
        ),
        (UMLAUT, "$2b$04$fvYwQnsAl/jLcN/HStBYcetdXQQZNHAt1cYux.W4LKMyEY6wotddS"),
        (
            PASSWORD,
            "$pbkdf2-sha512$1000$JATA.H9PqbUWwnjPmbM2hg$DBx6zASQiUTr7C19fl3VIQvVlSUnLC0Z2uSf8h79VGAW9uJ2vVAckbt9./C1pGoPkxJTYud9qOyNFAuKG/ZSeQ",
        ),
        // Hashes of other formats are imported unchanged.
        (PASSWORD, HASH),
    ];
    assert_upgraded_at_login(FORMS, &["--flask-security"]).await;
}

async fn assert_upgraded_at_login(forms: &[(&str, &str)], flags: &[&str]) {
    evidence::secret(FLASK_SALT);
    let app = TestApp::with(&["--flask-security-password-salt", FLASK_SALT]).await;
    let user = |(number, (_, hash)): (usize, &(&str, &str))| json!({"email": format!("p{number}@example.org"), "password": hash});
    let lines: Vec<Value> = forms.iter().enumerate().map(user).collect();
    import(&app.database, &lines, flags).assert_counts([lines.len() as u64, 0, 0]).assert_errors(&[]);
    for (number, (password, hash)) in forms.iter().enumerate() {
        let name = format!("p{number}");
        app.try_login(&name, &json!({"password": "wrong"})).await.assert_problem(401, "invalid_credentials");
        let stored = || {
            let sql = format!("SELECT password_hash AS value FROM users WHERE email = '{name}@example.org'");
            app.database.db_text(&sql)
        };
        assert!(stored().ends_with(hash.trim_end()), "{hash}");
        for _ in 0..2 {
            app.try_login(&name, &json!({"password": password})).await.assert_status(200);
            assert!(stored().starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        }
    }
}

#[actix_web::test]
async fn a_server_without_the_salt_logs_that_it_is_missing() {
    let database = TestDatabase::fresh();
    let server = program::start(&database, &[]).await;
    let hash = "$2b$04$nYHEOmbHFnFFNij/mEOdo.pl7KCyRMIHDG9m4b64UysDf/AARdofK";
    let line = json!({"email": "ann@example.org", "password": hash});
    import(&database, &[line], &["--flask-security"]).assert_counts([1, 0, 0]);
    let login = json!({"email": "ann@example.org", "password": PASSWORD});
    server.post("/auth/login").json(&login).send().await.assert_problem(401, "invalid_credentials");
    assert!(server.kill().contains("FLASK_SECURITY_PASSWORD_SALT is not set"));
}
