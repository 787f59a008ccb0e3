//! Which line, and which chain each route of a plan came from.

use std::sync::Arc;

use crosspatch_core::transform::Chain;

use crate::lexer;
use crate::resolve::Resolved;
use crate::source::{Place, SourceId, Span};

/// A mapping line that gave routes: the number of its first one, and where it stands.
#[derive(Copy, Clone)]
pub(crate) struct Statement {
    pub(crate) first_route: u32,
    pub(crate) start: u32,
    pub(crate) source: SourceId,
}

/// Routes in a row that lead through one chain.
pub(crate) struct Run {
    pub(crate) first_route: u32,
    /// The route behind the last.
    pub(crate) next_route: u32,
    pub(crate) chain: Arc<Chain>,
}

/// Where routes came from, lines and chains each in the order of the routes.
pub(crate) struct Origins {
    pub(crate) statements: Vec<Statement>,
    pub(crate) runs: Vec<Run>,
}

impl Origins {
    /// The line that a route came from, by what is known of it without looking at its text.
    pub(crate) fn statement(&self, route: usize) -> Statement {
        let behind = self.statements.partition_point(|statement| statement.first_route as usize <= route);
        self.statements[behind - 1]
    }

    /// The line that a route came from.
    pub(crate) fn line(&self, route: usize, resolved: &Resolved<'_>) -> Place {
        let Statement { start, source, .. } = self.statement(route);
        let text = resolved.sources.text(source);
        let text = text.as_str();
        let len = text[start as usize..].find('\n').unwrap_or(text.len() - start as usize);
        let span = lexer::trim(text, Span::new(start as usize, start as usize + len));
        Place { source, span }
    }

    /// The chain that a route leads through.
    pub(crate) fn chain(&self, route: usize) -> Option<&Arc<Chain>> {
        let behind = self.runs.partition_point(|run| run.first_route as usize <= route);
        let run = self.runs.get(behind.checked_sub(1)?)?;
        (route < run.next_route as usize).then_some(&run.chain)
    }
}
