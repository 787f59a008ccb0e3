//! The engine with sessions that write down every call.

mod chains;
mod changes;
mod kinds;
mod probe;
mod reload;
mod routes;
mod slices;
mod spans;
mod turns;
