use auth_server::{AuthServer, CreateUserError, Role};
use aws_lc_rs::rand;
use secrecy::SecretString;

pub const EMAIL: &str = "admin@example.org";

/// Crockford's base 32, without letters that look like digits. With 32 characters, five random bits choose without bias.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 120 bits.
const LENGTH: usize = 24;
const GROUP: usize = 6;

/// What the guide shows of the administrator.
pub enum Administrator {
    Created {
        /// Only if this run set it.
        password: Option<SecretString>,
        /// The code of a sign-in link, unless the administrator is disabled.
        sign_in_code: Option<SecretString>,
    },
    /// The setup link, unless there is a user.
    Setup(Option<SecretString>),
}

impl Administrator {
    pub fn password(&self) -> Option<&SecretString> {
        match self {
            Self::Created { password, .. } => password.as_ref(),
            Self::Setup(_) => None,
        }
    }
}

/// Creates the administrator at the first run, or sets a new password at a later run if `new_password` requests one.
///
/// # Errors
/// One line that names the cause.
pub async fn prepare(server: &AuthServer, new_password: bool) -> Result<Administrator, String> {
    let password = password()?;
    let is_new = match server.create_user(EMAIL, password.clone(), Role::admin()).await {
        Ok(()) => true,
        Err(CreateUserError::EmailTaken) if new_password => {
            let set = server.set_password(EMAIL, password.clone()).await;
            set.map_err(|error| format!("cannot set the password of {EMAIL}: {error}"))?;
            true
        }
        Err(CreateUserError::EmailTaken) => false,
        Err(error) => return Err(format!("cannot create the administrator: {error}")),
    };
    let sign_in_code = server.sign_in_code(EMAIL).await?;
    Ok(Administrator::Created { password: is_new.then_some(password), sign_in_code })
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
