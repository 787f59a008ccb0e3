//! The mapping line and the chain that each route came from.

use std::sync::Arc;

use crosspatch_core::transform::Chain;

use crate::report::lines::LineOrigin;
use crate::syntax::lexer;
use crate::syntax::source::{Location, SourceFiles, Span};

/// Consecutive routes through the same chain.
pub(crate) struct ChainOrigin {
    pub(crate) first_route: u32,
    /// The route after the last one.
    pub(crate) next_route: u32,
    pub(crate) chain: Arc<Chain>,
}

/// The origins of all routes, in the order of the routes.
pub(crate) struct Origins {
    pub(crate) lines: Vec<LineOrigin>,
    pub(crate) chains: Vec<ChainOrigin>,
}

impl Origins {
    /// The line that a route came from. Does not look at its text.
    pub(crate) fn line(&self, route: usize) -> LineOrigin {
        let next = self.lines.partition_point(|line| line.first_route as usize <= route);
        self.lines[next - 1]
    }

    /// The location of the line that a route came from.
    pub(crate) fn location(&self, route: usize, sources: &SourceFiles) -> Location {
        let LineOrigin { start, source, .. } = self.line(route);
        let text = sources.text(source);
        let text = text.as_str();
        let len = text[start as usize..].find('\n').unwrap_or(text.len() - start as usize);
        let span = lexer::trim(text, Span::new(start as usize, start as usize + len));
        Location { source, span }
    }

    /// The chain that a route passes through.
    pub(crate) fn chain(&self, route: usize) -> Option<&Arc<Chain>> {
        let next = self.chains.partition_point(|origin| origin.first_route as usize <= route);
        let origin = self.chains.get(next.checked_sub(1)?)?;
        (route < origin.next_route as usize).then_some(&origin.chain)
    }
}
