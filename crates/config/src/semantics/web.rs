//! The section `[web]`: reads it, and checks that it does not expose the show.

use crate::page::{self, WebSettings};
use crate::report::diagnostic::Draft;
use crate::semantics::configure;
use crate::semantics::sections::Sections;

/// Reads the section, if there is one, and returns how many of its errors only concern the page: the show runs without it.
pub(crate) fn configure_page(sections: &mut Sections<'_>) -> (Option<WebSettings>, usize) {
    let Some((settings, has_mistake)) = configure::read_page(sections, page::read) else { return (None, 0) };
    let section = sections.web.as_ref().map(|section| section.name_at);
    let is_open = !settings.listen.ip().to_canonical().is_loopback() && settings.password.is_none();
    let Some(at) = section.filter(|_| is_open && !has_mistake) else { return (Some(settings), 0) };
    let message = format!(
        "everybody in the network could operate the show through {}, without a password",
        settings.listen
    );
    let draft = Draft::error("web-open", message).at(at);
    sections.diagnostics.add(draft.help("set `password-file`; until then, the show runs without its page"));
    (Some(settings), 1)
}
