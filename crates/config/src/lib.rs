//! The configuration language of crosspatch: text in, plan and diagnostics out.
//!
//! ```text
//! bytes ─▶ source ─▶ lexer ─▶ parser ─▶ ast ─▶ resolve, chains ─▶ options ─▶ mapping, stages, flow, expand ─▶ loops, merges ─▶ plan
//!                                                      └─────────────┴──────────────────┴────────────────────────┴───▶ diagnostic ─▶ render
//! ```
//!
//! `compile` runs the stages. None of them stops at a mistake: each notes it, takes what was most likely meant in its place
//! so that the next one has something to check, and keeps quiet about what only follows from it.
//!
//! There is no I/O here: files are read through [`Files`], which the program implements. There is no protocol either:
//! what backends exist, and what their options and addresses are, is in the [`Registry`](crosspatch_core::Registry).

mod compile;
mod files;
mod report;
mod semantics;
mod syntax;
mod wording;

pub use compile::{Input, compile, compile_text};
pub use files::{Files, MemoryFiles, Override};
pub use report::compiled::Compiled;
pub use report::diagnostic::{Diagnostic, Severity};
pub use report::suggest::closest;
pub use syntax::document::Document;
pub use syntax::lexer::Operator;
pub use syntax::source::Span;
pub use syntax::tree::{Fault, Item, Line, Mapping, Side};
