//! Measures what a value costs on its way through crosspatch.
