//! Debian's nginx and Caddy with the configurations of `deploy/`, before real servers: who gets through, what the server
//! behind them is told, and what nobody can make it believe.

mod browser;
mod cookies;
mod entrance;
mod proxy;
mod site;
mod smuggling;
mod upstream;
