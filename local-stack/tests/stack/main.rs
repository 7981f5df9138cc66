//! The program as a newcomer meets it: started, read, pasted from, stopped.

mod failures;
mod guide;
mod runs;
mod stack;
