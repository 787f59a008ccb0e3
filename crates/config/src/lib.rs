//! The configuration language of crosspatch, a translator for show control: compiles text into a plan and diagnostics.
//!
//! [`compile()`] turns the files of a configuration into a [`Compiled`], in three stages, each in a folder:
//!
//! | folder | stage | in the order in which they run |
//! | --- | --- | --- |
//! | `syntax` | text in | `source`, `lexer`, `parser`, `pattern`; `tree` is their result, `document` the view of an editor |
//! | `semantics` | meaning | `sections`, `chains`, `options`, `overrides`, `configure`, `ports`, `mappings`, `stages`, `endpoints`, `routes`, `loops`, `merges`, `web` |
//! | `report` | report out | `diagnostic`, `explain`, `suggest`, `lines`, `secrets`, `compiled`, `render` |
//!
//! No stage stops at a mistake. It reports the mistake, continues with what was probably meant so that the rest is checked
//! too, and does not report errors that only follow from it.
//!
//! There is no I/O here: the program implements [`Files`] to read files. There is no protocol either: the
//! [`Registry`](crosspatch_core::Registry) holds the backends with their options and addresses, and the transforms.

mod compile;
mod files;
mod page;
mod report;
mod semantics;
mod syntax;
mod wording;

pub use compile::{CompileInput, compile, compile_text};
pub use files::{Files, MemoryFiles, Override};
pub use page::{DEFAULT_LISTEN, WebSettings, listen_address};
pub use report::compiled::Compiled;
pub use report::diagnostic::{Diagnostic, DiagnosticSeverity};
pub use report::explain::{EXPLANATIONS, explanation};
pub use report::lines::{MappedPair, WrittenMappings};
pub use report::suggest::closest;

pub use syntax::document::Document;
pub use syntax::lexer::Operator;
pub use syntax::source::Span;
pub use syntax::tree::{Fault, Item, Line, MappingLine, Side};
