//! Sessions: login, refresh, reauthentication, logout, and which session a request belongs to.

mod authentication;
mod fresh_login;
mod list;
mod login;
mod logout;
mod new_device;
mod new_session;
mod of_all;
mod passkey_login;
mod reauthentication;
mod refresh;
mod rotation;
mod second_factor;
pub mod sign_in_link;
mod token_status;
mod verification;

pub use authentication::{
    AuthenticationError, CurrentSession, by_refresh_token, is_replaced, to_rotate, user_by_access_token,
};
pub use fresh_login::{MAX_AUTH_AGE, NotFresh};
pub use list::{Cursor, list, page};
pub use login::{LoginError, log_in};
pub use logout::{EndError, end, end_all, end_one, end_others, log_out, log_out_everywhere, log_out_others};
pub use new_session::{Admission, NewSession, NotAdmitted};
pub use of_all::list_all;
pub use passkey_login::{PasskeyLoginError, log_in_with_passkey, passkey_options};
pub use reauthentication::{Proof, ReauthenticationError, reauthenticate, reauthentication_options};
pub use refresh::{RefreshRequest, refresh};
pub use rotation::{IdempotencyKey, Presentation, Rotation, RotationError};
pub use second_factor::{FactorError, complete, complete_login, device_is_known};
pub use verification::{Credentials, Identifier, PasswordError, find_user_of_device, verify};
