//! Sessions: opened by a login, advanced by a refresh, ended by a logout, a theft or an administrator.

pub mod active;
pub mod authentication;
pub mod login;
pub mod logout;
pub mod reauthentication;
pub mod refresh;
mod token_status;
