use auth_server::{AuthServer, CreateUserError, Role};
use aws_lc_rs::rand;
use secrecy::SecretString;

pub const EMAIL: &str = "admin@example.org";

/// Crockford's base 32, without letters that look like digits. With 32 characters, five random bits choose without bias.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 120 bits.
const LENGTH: usize = 24;
const GROUP: usize = 6;

/// Creates the administrator at the first run and returns the password. Returns `None` at later runs.
///
/// # Errors
/// One line that names the cause.
pub async fn create(server: &AuthServer) -> Result<Option<SecretString>, String> {
    let password = password()?;
    match server.create_user(EMAIL, password.clone(), Role::admin()).await {
        Ok(()) => Ok(Some(password)),
        Err(CreateUserError::EmailTaken) => Ok(None),
        Err(error) => Err(format!("cannot create the administrator: {error}")),
    }
}

fn password() -> Result<SecretString, String> {
    let mut random = [0; LENGTH];
    rand::fill(&mut random).map_err(|_| "the random generator of the system failed".to_owned())?;
    let groups = random.chunks(GROUP).map(|group| {
        let characters = group.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        characters.collect::<String>()
    });
    Ok(groups.collect::<Vec<_>>().join("-").into())
}
