//! Follows includes and sorts the lines of all files into sections.

use std::path::{Path, PathBuf};

use crosspatch_core::{Alias, Backend, Planned, Registry, Scope};
use rustc_hash::FxHashMap;

use crate::files::{Files, beside, normalized, unreadable};
use crate::page;
use crate::report::diagnostic::{Diagnostics, Draft};
use crate::report::suggest::{closest, did_you_mean, invalid_name};
use crate::semantics::chains::NamedChains;
use crate::semantics::options::{OptionSet, WrittenOption};
use crate::syntax::lexer::{self, Lines};
use crate::syntax::parser::{SECTIONS, parse_line};
use crate::syntax::source::{
    Location, MAX_BYTES, SourceFile, SourceFiles, SourceId, SourceText, Span, Unreadable,
};
use crate::syntax::tree::{Item, SectionKind};
use crate::wording::{between_quotes, quote};

/// How deep includes may be nested.
const MAX_DEPTH: usize = 32;

/// The most includes that a configuration may have, including those of included files.
const MAX_INCLUDES: usize = 1000;

/// The section of an instance. Its options have been matched to the table of the backend, but not read.
#[derive(Debug)]
pub(crate) struct InstanceSection {
    pub(crate) name: String,
    pub(crate) name_at: Location,
    /// The backend, if it is known and built.
    pub(crate) backend: Option<&'static Backend>,
    /// Whether its header has a mistake. Backend and name are then guesses.
    pub(crate) is_guessed: bool,
    pub(crate) options: OptionSet,
    /// The name of the backend, if there is no such backend and the instance is left out because of that.
    pub(crate) missing: Option<Box<str>>,
    /// Whether mappings can use it by its name. Not so if the name belongs to an earlier instance.
    pub(crate) is_named: bool,
}

/// Consecutive lines of mappings, comments and blank lines.
#[derive(Copy, Clone, Debug)]
pub(crate) struct MapPart {
    pub(crate) source: SourceId,
    pub(crate) lines: Span,
}

/// The contents of all files, by section.
pub(crate) struct Sections<'a> {
    pub(crate) registry: Registry,
    pub(crate) files: &'a dyn Files,
    pub(crate) sources: SourceFiles,
    pub(crate) diagnostics: Diagnostics,
    /// Every file that was requested, whether or not it could be read.
    pub(crate) read: Vec<PathBuf>,
    pub(crate) instances: Vec<InstanceSection>,
    /// The indices of the instances by name. Includes invalid names.
    pub(crate) names: FxHashMap<String, usize>,
    pub(crate) globals: FxHashMap<&'static str, OptionSet>,
    pub(crate) maps: Vec<MapPart>,
    pub(crate) chains: NamedChains,
    /// The settings of the page.
    pub(crate) web: Option<InstanceSection>,
    /// Whether instances of missing backends are left out.
    pub(crate) skip_missing: bool,
    /// Sections of backends that are not built: the backend, location, and whether it is the section of an instance.
    planned: Vec<(&'static Planned, Location, bool)>,
    section: Section,
    /// The files that are being read, the outermost first.
    open: Vec<PathBuf>,
    includes: usize,
}

/// The section that the following lines belong to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Section {
    /// No section yet, and whether that has been reported.
    None(bool),
    Backend(&'static str),
    Instance(usize),
    Map,
    Web,
    Chain(usize),
    /// A section whose header has a mistake. Its lines are ignored.
    Skipped,
}

impl Section {
    fn context(self) -> SectionKind {
        match self {
            Self::None(_) => SectionKind::Start,
            Self::Backend(_) | Self::Instance(_) | Self::Web | Self::Skipped => SectionKind::Options,
            Self::Map => SectionKind::Map,
            Self::Chain(_) => SectionKind::Chain,
        }
    }
}

impl<'a> Sections<'a> {
    /// Reads `file` and all files that it includes.
    pub(crate) fn read(file: &Path, files: &'a dyn Files, registry: Registry, skip_missing: bool) -> Self {
        let mut sections = Self {
            registry,
            files,
            sources: SourceFiles::default(),
            diagnostics: Diagnostics::default(),
            read: Vec::new(),
            instances: Vec::new(),
            names: FxHashMap::default(),
            globals: FxHashMap::default(),
            maps: Vec::new(),
            chains: NamedChains::new(registry.families),
            web: None,
            skip_missing,
            planned: Vec::new(),
            section: Section::None(false),
            open: Vec::new(),
            includes: 0,
        };
        match sections.source(file) {
            Ok(source) => sections.walk(source),
            Err(SourceError { message, help }) => {
                sections.diagnostics.add(Draft::error("file", message).file(file).help_if(help));
            }
        }
        sections.report_planned();
        sections.chains.finish(&sections.sources, &mut sections.diagnostics);
        sections
    }

    /// Reads a file, unless it has been read before.
    fn source(&mut self, path: &Path) -> Result<SourceId, SourceError> {
        if let Some(known) = self.sources.find(path) {
            return Ok(known);
        }
        if !self.read.iter().any(|read| read == path) {
            self.read.push(path.to_owned());
        }
        let shown = path.to_string_lossy();
        let bytes = self.files.read(path).map_err(|error| SourceError::new(unreadable(&shown, &error)))?;
        if bytes.len() > MAX_BYTES {
            return Err(SourceError::new(format!("{} is larger than a gigabyte", quote(&shown))));
        }
        let text = SourceText::decode(bytes);
        match text.unreadable() {
            Some(Unreadable::Utf16) => Err(SourceError {
                message: format!("expected UTF-8 text, found UTF-16 in {}", quote(&shown)),
                help: Some("save the file as UTF-8"),
            }),
            Some(Unreadable::Binary) => {
                Err(SourceError::new(format!("expected text, found a binary file in {}", quote(&shown))))
            }
            None => {
                let foreign = text.first_invalid();
                let source = self.sources.add(SourceFile::new(path, text));
                if let Some(span) = foreign {
                    let message = "the file is not UTF-8; it is read as Latin-1";
                    let draft = Draft::warning("encoding", message).at(Location { source, span });
                    self.diagnostics.add(draft.help("save the file as UTF-8"));
                }
                Ok(source)
            }
        }
    }

    fn walk(&mut self, source: SourceId) {
        self.open.push(normalized(&self.sources.get(source).path));
        let text = self.sources.text(source);
        let text = text.as_str();
        for span in Lines::new(text) {
            if self.section == Section::Map && !lexer::trim(text, span).of(text).starts_with('[') {
                self.map_line(source, span);
            } else {
                self.line(source, text, span);
            }
        }
        self.open.pop();
    }

    /// Adds a mapping line to its part. Mapping lines are parsed later, when all instances are known.
    fn map_line(&mut self, source: SourceId, span: Span) {
        match self.maps.last_mut() {
            Some(part) if part.source == source && part.lines.end + 1 == span.start => {
                part.lines.end = span.end;
            }
            _ => self.maps.push(MapPart { source, lines: span }),
        }
    }

    fn line(&mut self, source: SourceId, text: &str, span: Span) {
        let line = parse_line(text, span, self.section.context());
        let location = |span| Location { source, span };
        if let Item::Mapping(_) = line.item {
            self.map_line(source, span);
            return;
        }
        if !self.is_reported(&line.item) {
            for fault in line.faults {
                self.diagnostics.add(Draft::of_fault(fault, source));
            }
        }
        match line.item {
            Item::Blank | Item::Comment(_) | Item::Invalid(_) | Item::Mapping(_) => {}
            Item::Include { file } if file.is_empty() => {}
            Item::Include { file } => self.include(location(file), file.of(text)),
            Item::Backend { name } => self.section = self.backend_section(location(name), name.of(text)),
            Item::Instance { backend, name } => {
                self.section =
                    self.instance_section(location(backend), backend.of(text), location(name), name.of(text));
            }
            Item::Map => self.section = Section::Map,
            Item::Web(name) => {
                self.section = Section::Web;
                self.web.get_or_insert_with(|| InstanceSection {
                    name: page::SECTION.name.to_owned(),
                    name_at: location(name),
                    backend: Some(&page::SECTION),
                    is_guessed: false,
                    options: OptionSet::default(),
                    missing: None,
                    is_named: false,
                });
            }
            Item::Chain { name, stages } => {
                let chain = self.chains.begin(location(name), name.of(text), &mut self.diagnostics);
                self.chains.extend(chain, stages.into_iter().map(location));
                self.section = Section::Chain(chain);
            }
            Item::Stages(stages) => {
                if let Section::Chain(chain) = self.section {
                    self.chains.extend(chain, stages.into_iter().map(location));
                }
            }
            Item::Option { name, value } => self.option(location(name), name.of(text), location(value)),
        }
    }

    /// Whether the faults of a line only follow from a mistake that has been reported.
    fn is_reported(&mut self, item: &Item) -> bool {
        match (self.section, item) {
            (Section::Skipped, Item::Invalid(_)) => true,
            (Section::None(said), Item::Invalid(_)) => {
                self.section = Section::None(true);
                said
            }
            _ => false,
        }
    }

    fn include(&mut self, at: Location, written: &str) {
        let path = beside(&self.sources.get(at.source).path, written);
        self.includes += 1;
        if self.includes > MAX_INCLUDES {
            if self.includes == MAX_INCLUDES + 1 {
                let message = format!(
                    "expected at most {MAX_INCLUDES} includes; this and all further ones are ignored"
                );
                self.diagnostics.add(Draft::error("include-count", message).at(at));
            }
            return;
        }
        let plain = normalized(&path);
        if let Some(outer) = self.open.iter().position(|open| *open == plain) {
            let circle = self.open[outer..].iter().chain([&plain]);
            let circle: Vec<_> = circle.map(|path| quote(&path.to_string_lossy())).collect();
            let message = match circle.len() {
                2 => "the file includes itself".to_owned(),
                _ => format!("these files include each other in a circle: {}", circle.join(" > ")),
            };
            self.diagnostics.add(Draft::error("include-circle", message).at(at));
            return;
        }
        if self.open.len() >= MAX_DEPTH {
            let message = format!("expected includes that are nested at most {MAX_DEPTH} deep");
            self.diagnostics.add(Draft::error("include-depth", message).at(at));
            return;
        }
        match self.source(&path) {
            Ok(source) => self.walk(source),
            Err(SourceError { message, help }) => {
                let help = help.or_else(|| between_quotes(written).map(|_| "leave out the quotes"));
                self.diagnostics.add(Draft::error("include", message).at(at).help_if(help));
            }
        }
    }

    fn backend_section(&mut self, at: Location, name: &str) -> Section {
        if name.is_empty() {
            return Section::Skipped;
        }
        match self.backend(name, at, None) {
            Some(backend) => {
                self.globals.entry(backend.name).or_default();
                Section::Backend(backend.name)
            }
            None => Section::Skipped,
        }
    }

    fn instance_section(
        &mut self,
        backend_at: Location,
        backend: &str,
        name_at: Location,
        name: &str,
    ) -> Section {
        if name.is_empty() {
            return self.nameless_section(backend_at, backend);
        }
        if let Some(keyword) = self.misspelt_keyword(backend) {
            let message = format!("there is no backend {}", quote(backend));
            let help = format!("did you mean {}?", quote(&format!("[{keyword} {name}]")));
            self.diagnostics.add(Draft::error("unknown-backend", message).at(backend_at).help(help));
            return Section::Skipped;
        }
        let written = backend;
        let is_guessed = self.registry.find(backend).is_none();
        let backend = self.backend(backend, backend_at, Some(name));
        let missing = (self.skip_missing && backend.is_none()).then(|| written.into());
        let is_valid = self.diagnostics.check(invalid_name("instance-name", name_at, name, ".<>{}|;"));
        if let Some(inside) = between_quotes(name) {
            let message = "the quotes are a part of the name of the instance";
            let help = format!("leave out the quotes: {}", quote(inside));
            self.diagnostics.add(Draft::warning("quotes", message).at(name_at).help(help));
        }
        let index = self.instances.len();
        // An invalid name is registered in the form that a mapping would contain, to avoid further errors there.
        let reachable = name.split(['.', ' ', '\t']).next().unwrap_or(name);
        let first = self.names.get(reachable).copied();
        if let Some(first) = first.filter(|_| is_valid) {
            let message = format!("there are two instances {}", quote(name));
            let draft = Draft::error("instance-twice", message).label(name_at, "second definition");
            self.diagnostics.add(draft.label(self.instances[first].name_at, "first definition"));
        }
        if first.is_none() {
            self.names.insert(reachable.to_owned(), index);
        }
        self.instances.push(InstanceSection {
            name: name.to_owned(),
            name_at,
            backend,
            is_guessed: is_guessed || !is_valid,
            options: OptionSet::default(),
            missing,
            is_named: first.is_none(),
        });
        Section::Instance(index)
    }

    /// The keyword that was probably meant by `word`, unless it resembles a backend.
    fn misspelt_keyword(&self, word: &str) -> Option<&'static str> {
        let keyword =
            closest(word, ["include", "backend", "chain"]).filter(|_| self.diagnostics.has_room())?;
        let built = self.registry.backends.iter().map(|backend| backend.name);
        let mut known = built.chain(self.registry.planned.iter().map(|planned| planned.name));
        let is_like_backend = closest(word, known.clone()).is_some()
            || known.any(|name| name == word)
            || self.registry.alias(word).is_some();
        (!is_like_backend).then_some(keyword)
    }

    fn nameless_section(&mut self, at: Location, word: &str) -> Section {
        let keyword = match word {
            "mapping" | "mappings" | "maps" | "routes" => Some("map"),
            _ => closest(word, ["map", "include", "backend", "chain"]),
        };
        if self.registry.find(word).is_some() || self.registry.planned(word).is_some() {
            let message = format!("expected a name for this instance of `{word}`, found nothing");
            let help = format!("write `[{word} NAME]`; mappings refer to the name");
            self.diagnostics.add(Draft::error("section", message).at(at).help(help));
            return Section::Skipped;
        }
        let message = format!("expected a section, found {}", quote(&format!("[{word}]")));
        let backends = self.registry.backends.iter().map(|backend| backend.name);
        let help = keyword
            .map(|known| format!("did you mean `[{known}]`?"))
            .or_else(|| self.registry.alias(word).map(|alias| meant_by(alias, "[", " NAME]")))
            .or_else(|| closest(word, backends).map(|known| format!("did you mean `[{known} NAME]`?")))
            .unwrap_or_else(|| SECTIONS.to_owned());
        self.diagnostics.add(Draft::error("section", message).at(at).help(help));
        if keyword == Some("map") { Section::Map } else { Section::Skipped }
    }

    /// The backend of that name, for the instance of another name or for global options.
    fn backend(&mut self, name: &str, at: Location, instance: Option<&str>) -> Option<&'static Backend> {
        if let Some(backend) = self.registry.find(name) {
            return Some(backend);
        }
        if let Some(planned) = self.registry.planned(name) {
            self.planned.push((planned, at, instance.is_some()));
            return None;
        }
        if !self.diagnostics.has_room() {
            self.diagnostics.add(Draft::error("unknown-backend", "").at(at));
            return None;
        }
        let built = || self.registry.backends.iter().map(|backend| backend.name);
        let known = || built().chain(self.registry.planned.iter().map(|planned| planned.name));
        let alias = self.registry.alias(name);
        let swapped = instance.filter(|instance| self.registry.find(instance).is_some());
        let help = swapped
            .map(|backend| format!("the backend comes first: did you mean `[{backend} {name}]`?"))
            .or_else(|| alias.map(|alias| meant_by(alias, "", "")))
            .or_else(|| did_you_mean(name, known()))
            .unwrap_or_else(|| {
                format!("known backends: {}", built().map(quote).collect::<Vec<_>>().join(", "))
            });
        let message = format!("there is no backend {}", quote(name));
        if self.skip_missing {
            let message = format!("{message}; {SKIPPED}");
            self.diagnostics.add(Draft::warning("unknown-backend", message).at(at).help(help));
            return None;
        }
        self.diagnostics.add(Draft::error("unknown-backend", message).at(at).help(help));
        // The probable backend is used instead, so that options and addresses are checked too.
        self.registry.find(alias.map_or_else(|| closest(name, known()), |alias| alias.backend)?)
    }

    /// Reports backends that are not built: an error if an instance needs one, a warning if only its options are set.
    fn report_planned(&mut self) {
        let planned = std::mem::take(&mut self.planned);
        for (at, &(backend, location, is_instance)) in planned.iter().enumerate() {
            let mut others = planned.iter().enumerate().filter(|(_, (other, ..))| *other == backend);
            let leader = others
                .clone()
                .find(|(_, (_, _, is_instance))| *is_instance)
                .or_else(|| others.next())
                .map(|(leader, _)| leader);
            if leader != Some(at) {
                continue;
            }
            let message = format!("the backend `{}` is not available yet", backend.name);
            let draft = match (is_instance, self.skip_missing) {
                (true, false) => Draft::error("backend-not-built", message).help(backend.instead).help(SKIP),
                (true, true) => {
                    let message = format!("{message}; {SKIPPED}");
                    Draft::warning("backend-not-built", message).help(backend.instead)
                }
                (false, _) => {
                    Draft::warning("backend-not-built", message).help("these options have no effect")
                }
            };
            self.diagnostics.add(draft.at(location));
        }
    }

    fn option(&mut self, name_at: Location, name: &str, value: Location) {
        let (backend, scope, options) = match self.section {
            Section::Backend(backend) => {
                (self.registry.find(backend), Scope::Global, self.globals.entry(backend).or_default())
            }
            Section::Instance(index) => {
                let instance = &mut self.instances[index];
                (instance.backend, Scope::Instance, &mut instance.options)
            }
            Section::Web => match &mut self.web {
                Some(section) => (section.backend, Scope::Instance, &mut section.options),
                None => return,
            },
            Section::None(_) | Section::Map | Section::Chain(_) | Section::Skipped => return,
        };
        let Some(backend) = backend else { return };
        let written = WrittenOption { text: name, name: name_at, value, from_command_line: false };
        options.add(backend, scope, &written, &mut self.diagnostics);
    }
}

const SKIP: &str = "run with `--skip-missing` to leave out its instances and their mappings";

const SKIPPED: &str = "its instances are left out";

/// The suggestion for a name that people write for a backend.
fn meant_by(alias: &Alias, before: &str, after: &str) -> String {
    match alias.backend {
        Some(backend) => format!("did you mean `{before}{backend}{after}`? {}", alias.why),
        None => alias.why.to_owned(),
    }
}

/// Why a file cannot be used.
struct SourceError {
    message: String,
    help: Option<&'static str>,
}

impl SourceError {
    fn new(message: String) -> Self {
        Self { message, help: None }
    }
}
