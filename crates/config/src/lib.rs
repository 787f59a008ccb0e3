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

mod ast;
mod chains;
mod compile;
mod diagnostic;
mod expand;
mod files;
mod flow;
mod lexer;
mod loops;
mod mapping;
mod merges;
mod options;
mod origins;
mod overrides;
mod parser;
mod render;
mod resolve;
mod secrets;
mod source;
mod stages;
mod suggest;

pub use ast::{Document, Fault, Item, Line, Mapping, Side};
pub use compile::{Compiled, Input, compile, compile_text};
pub use diagnostic::{Diagnostic, Severity};
pub use files::{Files, MemoryFiles, Override};
pub use lexer::Operator;
pub use source::Span;
pub use suggest::closest;
