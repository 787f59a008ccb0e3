//! Meaning: sections become configured instances, and mapping lines become routes of a plan.

pub(crate) mod chains;
pub(crate) mod configure;
pub(crate) mod endpoints;
pub(crate) mod loops;
pub(crate) mod mappings;
pub(crate) mod merges;
pub(crate) mod options;
pub(crate) mod origins;
pub(crate) mod overrides;
pub(crate) mod ports;
pub(crate) mod routes;
pub(crate) mod sections;
pub(crate) mod stages;
pub(crate) mod web;
