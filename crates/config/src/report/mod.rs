//! Report out: diagnostics are collected, cleared of secrets and rendered.

pub(crate) mod compiled;
pub(crate) mod diagnostic;
pub(crate) mod explain;
pub(crate) mod lines;
pub(crate) mod render;
pub(crate) mod secrets;
pub(crate) mod suggest;
