//! The engine with sessions that write down every call.

mod chains;
mod probe;
mod reload;
mod routes;
mod turns;
