//! Text in: files are decoded and cut into lines, and each line is parsed by itself.

pub(crate) mod document;
pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod pattern;
pub(crate) mod source;
pub(crate) mod tree;
