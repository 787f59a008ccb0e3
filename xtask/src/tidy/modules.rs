//! The modules of each crate, and which of them use each other, read from the paths in their source.
//!
//! A path counts if it begins with `crate`, `self`, `super`, a child module or an imported name. It is followed through
//! imports and re-exports to the module that defines the item: `use crate::Value` is a use of `value` if `lib.rs` has
//! `pub use value::Value`. Tests do not count. Methods are not followed: a module that calls a method of a type without
//! naming the type does not count as its user.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::File;

/// The path of a module within its crate. The crate itself is empty.
pub(super) type ModulePath = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
pub(super) struct Modules<'f> {
    by_path: BTreeMap<ModulePath, Module<'f>>,
    /// Modules that are compiled for tests only.
    tests: BTreeSet<ModulePath>,
}

/// A module, in a separate file or inline.
struct Module<'f> {
    file: &'f str,
    /// The path of the module that the file belongs to.
    of_file: ModulePath,
    /// Imported names, and their full paths.
    imports: BTreeMap<String, ModulePath>,
    /// Full paths of everything that the module mentions, with the line.
    mentions: Vec<(ModulePath, usize)>,
    /// The types that the module defines.
    types: Vec<Type<'f>>,
}

/// A struct, enum, union, trait or type alias that a module defines.
pub(super) struct Type<'f> {
    pub(super) name: String,
    pub(super) is_trait: bool,
    pub(super) file: &'f str,
    /// The line, counted from zero.
    pub(super) line: usize,
}

/// A module that uses another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use<'f> {
    pub(super) from: ModulePath,
    pub(super) to: ModulePath,
    /// The file of `from`.
    pub(super) file: &'f str,
    /// The line, counted from zero.
    pub(super) line: usize,
}

/// The modules of every crate, by the folder of its sources, which ends with a slash.
pub(super) fn of_crates(files: &[File]) -> BTreeMap<&str, Modules<'_>> {
    let mut crates: BTreeMap<&str, Modules<'_>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        let Some(end) = file.path.find("src/").map(|at| at + "src/".len()) else { continue };
        let (folder, name) = file.path.split_at(end);
        let mut path: ModulePath = name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        // A program beside a library is a separate crate, in one file.
        let is_root = matches!(&*path, [name] if name == "lib" || name == "main");
        if is_root || path.last().is_some_and(|name| name == "mod") {
            path.pop();
        }
        let Ok(tokens) = file.text.parse() else { continue };
        crates.entry(folder).or_default().read(tokens, path.clone(), &file.path, &path);
    }
    crates
}

impl<'f> Modules<'f> {
    /// The file of a module. A module with several files is named by its `mod.rs`.
    pub(super) fn file(&self, path: &[String]) -> &'f str {
        self.by_path.get(path).map_or("", |module| module.file)
    }

    /// All uses of one file by another.
    pub(super) fn uses(&self) -> Vec<Use<'f>> {
        let mut found = Vec::new();
        for (_, module) in self.product_modules() {
            for (mention, line) in &module.mentions {
                let to = self.resolve(mention, 0).map(|to| &self.by_path[to].of_file);
                if let Some(to) = to.filter(|to| **to != module.of_file) {
                    let (from, to) = (module.of_file.clone(), to.clone());
                    found.push(Use { from, to, file: module.file, line: *line });
                }
            }
        }
        found
    }

    /// All types that are defined outside of tests and functions.
    pub(super) fn types(&self) -> impl Iterator<Item = &Type<'f>> {
        self.product_modules().flat_map(|(_, module)| &module.types)
    }

    /// All modules that are not compiled for tests only.
    fn product_modules(&self) -> impl Iterator<Item = (&ModulePath, &Module<'f>)> {
        let is_for_tests = |path: &ModulePath| (0..=path.len()).any(|len| self.tests.contains(&path[..len]));
        self.by_path.iter().filter(move |(path, _)| !is_for_tests(path))
    }

    /// The module that defines what a path names.
    fn resolve(&self, path: &[String], depth: usize) -> Option<&ModulePath> {
        const MAX_DEPTH: usize = 16;
        let is_module = |len: &usize| self.by_path.contains_key(&path[..*len]);
        let len = (0..=path.len()).take_while(is_module).last()?;
        let (found, module) = self.by_path.get_key_value(&path[..len])?;
        let Some(name) = path.get(len) else { return Some(found) };
        match module.imports.get(name).filter(|_| depth < MAX_DEPTH) {
            Some(import) => self.resolve(&[import, &path[len + 1..]].concat(), depth + 1),
            None => Some(found),
        }
    }

    /// Reads the tokens of a module in `file`.
    fn read(&mut self, tokens: TokenStream, path: ModulePath, file: &'f str, of_file: &ModulePath) {
        let (imports, mentions) = (BTreeMap::new(), Vec::new());
        let types = types(file, tokens.clone());
        let module = Module { file, of_file: of_file.clone(), imports, mentions, types };
        let mut reader = ModuleReader { module, path, modules: self };
        reader.read(tokens);
        let ModuleReader { module, path, .. } = reader;
        self.by_path.insert(path, module);
    }
}

struct ModuleReader<'r, 'f> {
    modules: &'r mut Modules<'f>,
    module: Module<'f>,
    path: ModulePath,
}

impl ModuleReader<'_, '_> {
    fn read(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let after = &tokens[at + 1..];
            match token {
                TokenTree::Punct(hash) if hash.as_char() == '#' && is_for_tests(after) => {
                    at += 1 + self.skip_item(after);
                }
                TokenTree::Ident(word) if word == "use" => {
                    at += 1;
                    self.read_import(&[], &tokens, &mut at);
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let [TokenTree::Ident(name), TokenTree::Group(body), ..] = after {
                        let path = [&*self.path, &[name.to_string()]].concat();
                        self.modules.read(body.stream(), path, self.module.file, &self.module.of_file);
                        at += 2;
                    }
                    at += 1;
                }
                TokenTree::Ident(word) => {
                    let line = word.span().start().line - 1;
                    let path = simple_path(&tokens, &mut at);
                    // A name alone is an item of this module, a variable, or something that an import has brought in.
                    if path.len() > 1 || is_prefix(word) {
                        self.mention(&path, line);
                    }
                }
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    at += 1;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
            }
        }
    }

    /// Passes over an item that is compiled for tests only, and returns the number of its tokens.
    fn skip_item(&mut self, item: &[TokenTree]) -> usize {
        let is_word = |token: &TokenTree, word| matches!(token, TokenTree::Ident(ident) if ident == word);
        let len = item_len(item);
        if let Some([_, TokenTree::Ident(name)]) =
            item[..len].windows(2).find(|pair| is_word(&pair[0], "mod"))
        {
            self.modules.tests.insert([&*self.path, &[name.to_string()]].concat());
        }
        len
    }

    /// Reads the tree of an import from `at` on: `a::b`, `a::{b, c as d}`, `a::*`.
    fn read_import(&mut self, prefix: &[String], tokens: &[TokenTree], at: &mut usize) {
        let line = tokens.get(*at).map_or(0, |token| token.span().start().line.saturating_sub(1));
        let path = [prefix, &simple_path(tokens, at)].concat();
        match tokens.get(*at) {
            Some(TokenTree::Group(group)) => {
                let inner: Vec<_> = group.stream().into_iter().collect();
                let mut inner_at = 0;
                while inner_at < inner.len() {
                    self.read_import(&path, &inner, &mut inner_at);
                    inner_at += 1;
                }
                *at += 1;
                return;
            }
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => *at += 1,
            _ => {}
        }
        let mut name = path.last().cloned();
        if let [TokenTree::Ident(word), TokenTree::Ident(alias), ..] = &tokens[*at..]
            && word == "as"
        {
            name = Some(alias.to_string());
            *at += 2;
        }
        // `use a::{self}` imports `a`.
        let is_self = path.len() > 1 && path.last().is_some_and(|last| last == "self");
        let path = if is_self { &path[..path.len() - 1] } else { &path };
        let name = if is_self { path.last().cloned() } else { name };
        if let (Some(name), Some(full)) = (name, self.full_path(path)) {
            self.module.mentions.push((full.clone(), line));
            self.module.imports.insert(name, full);
        }
    }

    fn mention(&mut self, path: &[String], line: usize) {
        if let Some(full) = self.full_path(path) {
            self.module.mentions.push((full, line));
        }
    }

    /// A path from the root of the crate. None for one that leads out of it.
    fn full_path(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let base = match first.as_str() {
            "crate" => &[][..],
            "self" => &self.path,
            "super" => {
                let ups = path.iter().take_while(|word| *word == "super").count();
                let parent = &self.path[..self.path.len().checked_sub(ups)?];
                return Some([parent, &path[ups..]].concat());
            }
            // An import, a child module or another crate. Those that lead nowhere are left out when they are resolved.
            name => {
                return match self.module.imports.get(name) {
                    Some(import) => Some([import, rest].concat()),
                    None => Some([&*self.path, path].concat()),
                };
            }
        };
        Some([base, rest].concat())
    }
}

/// The types that are defined by the items among `tokens`, which are those of a module.
fn types(file: &str, tokens: TokenStream) -> Vec<Type<'_>> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut types = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let after = &tokens[at + 1..];
        match (token, after.first()) {
            (TokenTree::Punct(hash), _) if hash.as_char() == '#' && is_for_tests(after) => {
                at += item_len(after);
            }
            (TokenTree::Ident(word), Some(TokenTree::Ident(name)))
                if ["struct", "enum", "union", "trait", "type"].iter().any(|keyword| word == keyword) =>
            {
                let line = name.span().start().line - 1;
                types.push(Type { name: name.to_string(), is_trait: word == "trait", file, line });
            }
            _ => {}
        }
        at += 1;
    }
    types
}

/// The number of tokens up to the end of an item.
fn item_len(item: &[TokenTree]) -> usize {
    let is_import =
        item.iter().take(4).any(|token| matches!(token, TokenTree::Ident(ident) if ident == "use"));
    let ends = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace && !is_import,
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    item.iter().position(ends).map_or(item.len(), |end| end + 1)
}

fn is_prefix(word: &Ident) -> bool {
    word == "crate" || word == "self" || word == "super"
}

/// Whether the tokens after a `#` are `[cfg(test)]` or `[cfg(all(test, ...))]`.
fn is_for_tests(after: &[TokenTree]) -> bool {
    let Some(TokenTree::Group(attribute)) = after.first() else { return false };
    let text = attribute.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

/// Reads `a::b::c` from `at` on, up to what is not a name: a `{`, a `<` or a `*`.
fn simple_path(tokens: &[TokenTree], at: &mut usize) -> ModulePath {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(name)) = tokens.get(*at) {
        path.push(name.to_string());
        *at += 1;
        let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
        match tokens.get(*at..*at + 2) {
            Some(colons) if colons.iter().all(is_colon) => *at += 2,
            _ => break,
        }
    }
    path
}
