//! Rule for the names of types: each name has one meaning in the whole workspace.
//!
//! Structs, enums, unions, traits and type aliases count if they are defined in a module, whether they are public or not.
//! Types in tests, in functions and in traits do not count.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{self, Type};
use super::{File, Finding};

/// A name that may be defined more than once because it means the same everywhere.
struct Convention {
    name: &'static str,
    scope: ConventionScope,
}

/// Where a conventional name may be defined repeatedly.
#[derive(Copy, Clone, PartialEq, Eq)]
enum ConventionScope {
    /// Once in each backend, which is a folder of `crates/backends/src`. The trait that they implement may have the same name.
    Backend,
    /// Once in each file of one folder, of which the operating system selects one.
    System,
}

/// All conventions. Remove a line when its name is defined only once.
const CONVENTIONS: &[Convention] = &[
    // A channel as a person writes it.
    backend("Address"),
    // The parsed options of an instance.
    backend("Config"),
    // The cue of a simulated console's show.
    backend("Cue"),
    // Why bytes are not a valid message or packet.
    backend("DecodeError"),
    // Splits a stream into messages.
    backend("Deframer"),
    // The option `detect`.
    backend("Detect"),
    // What a key of a simulated console's executor does.
    backend("Function"),
    // A channel of a session that is used by a mapping, with its state.
    backend("MappedChannel"),
    // All of them, by slot.
    backend("MappedChannels"),
    // The unit that the wire module decodes and encodes: a message of a stream or file format.
    backend("Message"),
    // The result of a command line on a simulated console.
    backend("Outcome"),
    // The unit that the wire module decodes and encodes: a datagram.
    backend("Packet"),
    // The received universes or the received packets of a session.
    backend("Receiver"),
    // The sent universes or the sent packets of a session.
    backend("Sender"),
    // The implementation of the trait `Session`.
    backend("Session"),
    // The show of a simulated console.
    backend("Show"),
    // A configured instance of a simulated console.
    backend("Simulation"),
    // A source of a universe.
    backend("Source"),
    system("JackClient"),
    system("ReceiveBatch"),
    system("SendBatch"),
    system("Sequencer"),
    system("Subscription"),
];

const fn backend(name: &'static str) -> Convention {
    Convention { name, scope: ConventionScope::Backend }
}

const fn system(name: &'static str) -> Convention {
    Convention { name, scope: ConventionScope::System }
}

/// No two types have the same name, except by convention.
pub(super) fn types_have_one_meaning(files: &[File]) -> Vec<Finding> {
    check(files, CONVENTIONS)
}

fn check(files: &[File], conventions: &[Convention]) -> Vec<Finding> {
    let crates = modules::of_crates(files);
    let mut by_name: BTreeMap<&str, Vec<&Type<'_>>> = BTreeMap::new();
    for found in crates.values().flat_map(|modules| modules.types()) {
        by_name.entry(&found.name).or_default().push(found);
    }
    by_name.retain(|_, types| types.len() > 1);
    let mut findings = Vec::new();
    for (name, types) in &by_name {
        let convention = conventions.iter().find(|convention| convention.name == *name);
        if convention.is_some_and(|convention| convention.scope.allows(types)) {
            continue;
        }
        for found in types {
            let other = types.iter().find(|other| !std::ptr::eq(**other, *found));
            let other = other.map_or("", |other| other.file);
            let message = format!("`{name}` is also a type in {other}; rename one of them");
            findings.push(Finding::line(found.file, found.line, message));
        }
    }
    for convention in conventions.iter().filter(|convention| !by_name.contains_key(convention.name)) {
        let message = format!(
            "`CONVENTIONS` has `{}`, which is not defined more than once; remove it",
            convention.name
        );
        findings.push(Finding::file("xtask/src/tidy/names.rs", message));
    }
    findings
}

impl ConventionScope {
    fn allows(self, types: &[&Type<'_>]) -> bool {
        const BACKENDS: &str = "crates/backends/src/";
        const CORE: &str = "crates/core/src/";
        let mut places = BTreeSet::new();
        match self {
            Self::Backend => types.iter().all(|found| match found.file.strip_prefix(BACKENDS) {
                Some(path) => path.split_once('/').is_some_and(|(folder, _)| places.insert(folder)),
                None => found.is_trait && found.file.starts_with(CORE),
            }),
            Self::System => {
                let folder = |file: &str| file.rsplit_once('/').map(|(folder, _)| folder.to_owned());
                let first = folder(types[0].file);
                types.iter().all(|found| folder(found.file) == first && places.insert(found.file))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], conventions: &[Convention]) -> Vec<String> {
        let files: Vec<_> =
            files.iter().map(|&(path, text)| File { path: path.into(), text: text.into() }).collect();
        check(&files, conventions).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_in_two_crates_is_found_in_both() {
        let files = [
            ("a/src/lib.rs", "//! A.\npub struct Place(u8);"),
            ("b/src/inner/mod.rs", "mod deep { pub(super) enum Place {} }"),
        ];
        let expected = [
            "a/src/lib.rs:2: `Place` is also a type in b/src/inner/mod.rs; rename one of them",
            "b/src/inner/mod.rs:1: `Place` is also a type in a/src/lib.rs; rename one of them",
        ];
        assert_eq!(found(&files, &[]), expected);
    }

    #[test]
    fn every_kind_of_type_counts() {
        for text in [
            "struct T;",
            "pub enum T {}",
            "pub(crate) trait T {}",
            "type T = u8;",
            "#[derive(Copy)]\npub union T { a: u8 }",
            "unsafe trait T {}",
            "struct Other; struct T<X>(X);",
        ] {
            let files = [("a/src/x.rs", "struct T;"), ("a/src/y.rs", text)];
            assert_eq!(found(&files, &[]).len(), 2, "{text}");
        }
    }

    #[test]
    fn types_in_tests_functions_and_traits_do_not_count() {
        for (path, text) in [
            ("a/src/y.rs", "#[cfg(test)]\nmod tests { struct T; }"),
            ("a/src/y.rs", "#[cfg(test)]\nstruct T;"),
            ("a/src/y.rs", "fn f() { struct T; }"),
            ("a/src/y.rs", "impl Iterator for X { type T = u8; }"),
            ("a/src/y.rs", "trait X { type T; }"),
            ("a/src/y.rs", "use x::T;"),
            ("a/src/x/tests.rs", "struct T;"),
            ("a/tests/y.rs", "struct T;"),
        ] {
            let files = [("a/src/x.rs", "struct T;\n#[cfg(test)]\nmod tests;"), (path, text)];
            assert_eq!(found(&files, &[]), [""; 0], "{text}");
        }
    }

    #[test]
    fn each_backend_may_define_a_conventional_name_once() {
        let core = ("crates/core/src/session.rs", "pub trait S {}");
        let one = ("crates/backends/src/one/session.rs", "struct S;");
        let two = ("crates/backends/src/two/mod.rs", "struct S;");
        assert_eq!(found(&[core, one, two], &[backend("S")]), [""; 0]);
        for third in [
            ("crates/backends/src/one/wire.rs", "struct S;"),
            ("crates/backends/src/alone.rs", "struct S;"),
            ("crates/core/src/ids.rs", "struct S;"),
            ("crates/io/src/session.rs", "trait S {}"),
        ] {
            assert_eq!(found(&[one, two, third], &[backend("S")]).len(), 3, "{third:?}");
        }
    }

    #[test]
    fn each_file_for_a_system_may_define_a_conventional_name() {
        let linux = ("io/src/batch/linux.rs", "struct B;");
        let portable = ("io/src/batch/portable.rs", "struct B;");
        assert_eq!(found(&[linux, portable], &[system("B")]), [""; 0]);
        assert_eq!(found(&[linux, ("io/src/other/portable.rs", "struct B;")], &[system("B")]).len(), 2);
    }

    #[test]
    fn a_convention_that_nothing_needs_is_found() {
        let files = [("a/src/x.rs", "struct T;")];
        let outdated =
            "xtask/src/tidy/names.rs: `CONVENTIONS` has `T`, which is not defined more than once; remove it";
        assert_eq!(found(&files, &[backend("T")]), [outdated]);
    }
}
