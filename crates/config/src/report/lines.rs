//! The mapping lines of a configuration, for those who show them: as written, where they stand, and what was made of them.
//!
//! A line is an offset into the text of its file, so a million of them cost little more than the text.

use std::path::Path;
use std::sync::Arc;

use crosspatch_core::{InstanceId, PlanBuilder, Slot};

use crate::syntax::lexer;
use crate::syntax::source::{SourceFile, SourceFiles, SourceId, SourceText, Span};

/// A mapping: from a channel to a channel, by their numbers in the plan.
pub type MappedPair = ((InstanceId, Slot), (InstanceId, Slot));

/// A mapping line that has routes.
#[derive(Copy, Clone, Debug)]
pub(crate) struct LineOrigin {
    /// The number of its first route.
    pub(crate) first_route: u32,
    /// The offset of the line in its file.
    pub(crate) start: u32,
    pub(crate) source: SourceId,
}

/// The mapping lines of a configuration that have mappings, numbered from 0 in the order in which they were read.
#[derive(Debug)]
pub struct WrittenMappings {
    sources: SourceFiles,
    lines: Vec<LineOrigin>,
    pairs: Vec<MappedPair>,
}

impl WrittenMappings {
    /// Collects the lines of a configuration whose routes have all been added.
    pub(crate) fn collect(lines: &[LineOrigin], builder: &PlanBuilder<'_>, sources: &SourceFiles) -> Self {
        let pairs = (0..builder.route_count()).map(|number| builder.route_at(number)).collect();
        let lines = lines.to_vec();
        let mut kept = SourceFiles::default();
        for (id, source) in sources.all() {
            let text = match lines.iter().any(|line| line.source == id) {
                true => source.text.clone(),
                // Nothing else of a configuration is kept, above all no secret.
                false => Arc::new(SourceText::decode(Vec::new())),
            };
            kept.add(SourceFile::with_text(&source.path, text));
        }
        Self { sources: kept, lines, pairs }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A line as written, without surrounding white space.
    pub fn text(&self, number: usize) -> &str {
        let LineOrigin { start, source, .. } = self.lines[number];
        let text = self.sources.get(source).text.as_str();
        let start = start as usize;
        let len = text[start..].find('\n').unwrap_or(text.len() - start);
        lexer::trim(text, Span::new(start, start + len)).of(text)
    }

    /// The file of a line, and its number in the file, counted from 1.
    pub fn place(&self, number: usize) -> (&Path, usize) {
        let LineOrigin { start, source, .. } = self.lines[number];
        let source = self.sources.get(source);
        (&source.path, source.line_of(start))
    }

    /// The mappings made of a line.
    pub fn mappings(&self, number: usize) -> &[MappedPair] {
        let first = self.lines[number].first_route as usize;
        let next = self.lines.get(number + 1).map_or(self.pairs.len(), |next| next.first_route as usize);
        &self.pairs[first..next]
    }
}
