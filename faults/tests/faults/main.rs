//! Both servers as processes, under races, crashes, outages and floods, on SQLite, or on the PostgreSQL that
//! `LATCHKEY_TEST_DATABASE_URL` names.

mod cluster;
mod disk_full;
mod failovers;
mod floods;
mod manual;
mod outages;
mod patroni;
mod relay;
mod revocation;
mod rotation;
mod servers;
mod shutdown;
mod standby;
mod traffic;
mod upgrade;
