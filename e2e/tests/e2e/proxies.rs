//! Debian's nginx and Caddy with the configurations of `deploy/`, in front of real servers: who gets access, what the server
//! behind them receives, and what a client cannot forge.

mod browser;
mod cookies;
mod cost;
mod entrance;
mod limits;
mod proxy;
mod site;
mod smuggling;
mod strangers;
mod upstream;
