//! Rule for the modules of each crate: they do not use each other in circles.
//!
//! A module is compared with its siblings, which are the modules of the same parent. A folder counts as one module, together
//! with everything in it. If `a/x.rs` uses `b/y.rs`, then `a` uses `b`.
//!
//! A parent and its children are not compared. They refer to each other by nature: `mod.rs` declares its children, re-exports
//! their items and calls them, and the children use what they share from `super`. For the same reason, no child is compared
//! with the root of its crate.

use std::collections::{BTreeMap, BTreeSet};

use super::modules::{self, ModulePath, Modules, Use};
use super::{File, Finding};

/// The circles that are still allowed, each as the files and folders of its modules. This list must get shorter, never
/// longer.
const ALLOWED: &[&[&str]] = &[
    &[
        "bench/src/soak/count.rs",
        "bench/src/soak/pairs.rs",
        "bench/src/soak/peer.rs",
        "bench/src/soak/rig.rs",
    ],
    // `recognize` decodes the formats of these protocols, which ask it for the name of a stray packet.
    &[
        "crates/backends/src/artnet",
        "crates/backends/src/openpixelcontrol",
        "crates/backends/src/osc",
        "crates/backends/src/recognize",
        "crates/backends/src/rtpmidi",
        "crates/backends/src/sacn",
    ],
    &["crates/backends/src/osc/receive.rs", "crates/backends/src/osc/session.rs"],
];

/// No modules of a crate use each other in a circle, except those that are allowed.
pub(super) fn modules_form_no_circles(files: &[File]) -> Vec<Finding> {
    check(files, ALLOWED)
}

fn check(files: &[File], allowed: &[&[&str]]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_needed = vec![false; allowed.len()];
    for modules in modules::of_crates(files).values() {
        for circle in circles(modules) {
            let members: BTreeSet<_> = circle.iter().map(|edge| name(modules, &edge.from)).collect();
            let entry = allowed.iter().position(|entry| members.iter().all(|member| entry.contains(member)));
            if let Some(entry) = entry {
                is_needed[entry] |= allowed[entry].len() == members.len();
                continue;
            }
            let list: Vec<_> = members.iter().map(|member| format!("`{member}`")).collect();
            for edge in &circle {
                let target = name(modules, &edge.to);
                let message =
                    format!("uses `{target}` in a circle of {}; move what they share", list.join(", "));
                findings.push(Finding::line(edge.file, edge.line, message));
            }
        }
    }
    for (entry, _) in allowed.iter().zip(is_needed).filter(|(_, is_needed)| !is_needed) {
        let message =
            format!("`ALLOWED` has {}, which is no such circle any more; shorten the list", entry.join(", "));
        findings.push(Finding::file("xtask/src/tidy/circles.rs", message));
    }
    findings
}

/// The file of a module, or its folder.
fn name<'f>(modules: &Modules<'f>, path: &ModulePath) -> &'f str {
    let file = modules.file(path);
    file.strip_suffix("/mod.rs").unwrap_or(file)
}

/// All circles, each as the uses between its modules, one for each pair.
fn circles<'f>(modules: &Modules<'f>) -> Vec<Vec<Use<'f>>> {
    let mut edges: BTreeMap<(ModulePath, ModulePath), Use<'f>> = BTreeMap::new();
    for found in modules.uses() {
        let Some((from, to)) = siblings(&found.from, &found.to) else { continue };
        edges.entry((from.clone(), to.clone())).or_insert(Use { from, to, ..found });
    }
    let modules: BTreeSet<_> = edges.keys().map(|(from, _)| from).collect();
    let reached: BTreeMap<_, _> = modules.into_iter().map(|path| (path, reachable(&edges, path))).collect();
    let mutual = |one: &ModulePath, other: &ModulePath| {
        let reaches =
            |from, to| reached.get(from).is_some_and(|reached: &BTreeSet<&ModulePath>| reached.contains(to));
        reaches(one, other) && reaches(other, one)
    };
    let mut circles: Vec<Vec<Use<'f>>> = Vec::new();
    for ((from, to), edge) in &edges {
        if mutual(from, to) {
            match circles.iter_mut().find(|circle| mutual(&circle[0].from, from)) {
                Some(circle) => circle.push(edge.clone()),
                None => circles.push(vec![edge.clone()]),
            }
        }
    }
    circles
}

/// Everything that a module uses, also through others.
fn reachable<'e>(
    edges: &'e BTreeMap<(ModulePath, ModulePath), Use<'_>>,
    start: &'e ModulePath,
) -> BTreeSet<&'e ModulePath> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(path) = open.pop() {
        let next = edges.keys().filter(|(from, _)| from == path).map(|(_, to)| to);
        open.extend(next.filter(|to| reached.insert(*to)));
    }
    reached
}

/// The siblings that contain two modules, unless one module contains the other.
fn siblings(from: &ModulePath, to: &ModulePath) -> Option<(ModulePath, ModulePath)> {
    let shared = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    let is_apart = shared < from.len() && shared < to.len();
    is_apart.then(|| (from[..=shared].to_vec(), to[..=shared].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], allowed: &[&[&str]]) -> Vec<String> {
        let file = |&(path, text): &(&str, &str)| File { path: format!("c/src/{path}"), text: text.into() };
        let files: Vec<_> = files.iter().map(file).collect();
        check(&files, allowed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn two_files_that_use_each_other_are_found_with_their_lines() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a.rs", "//! A.\nuse crate::b::B;\npub struct A(B);"),
            ("b.rs", "pub struct B;\n\nfn f(a: &super::a::A) {}"),
        ];
        let circle = "in a circle of `c/src/a.rs`, `c/src/b.rs`; move what they share";
        let expected = [
            format!("c/src/a.rs:2: uses `c/src/b.rs` {circle}"),
            format!("c/src/b.rs:3: uses `c/src/a.rs` {circle}"),
        ];
        assert_eq!(found(&files, &[]), expected);
        assert_eq!(found(&files, &[&["c/src/a.rs", "c/src/b.rs"]]), [""; 0]);
    }

    #[test]
    fn every_way_to_name_a_module_counts() {
        for mention in [
            "use crate::b::B;",
            "use crate::{x, b::{self, C as D}};",
            "use super::b;",
            "use crate::B;",
            "use super::{*, B as Other};",
            "fn f() { let _ = crate::b::f(); }",
            "macro!(x, super::b::C { y });",
            "use crate::b as other; fn f() { other::f() }",
            "mod inner { use super::super::b::B; }",
            "mod inner { fn f(b: crate::B) {} }",
            "pub(in crate::b) fn f() {}",
        ] {
            let files = [
                ("lib.rs", "mod a;\nmod b;\npub use b::B;"),
                ("a.rs", mention),
                ("b.rs", "use crate::a::A;"),
            ];
            assert_eq!(found(&files, &[]).len(), 2, "{mention}");
        }
        for other in [
            "// use crate::b::B;",
            "const TEXT: &str = \"crate::b\";",
            "use b::B;",
            "use other::b::B;",
            "fn f(b: B) { b.f() }",
            "#[cfg(test)]\nmod tests { use crate::b::B; }",
            "#[cfg(test)]\nuse crate::b::{B, C};",
            "#[cfg(test)]\nfn f() { crate::b::f() }",
        ] {
            let files =
                [("lib.rs", "mod a;\nmod b;\npub use b::B;"), ("a.rs", other), ("b.rs", "use crate::a::A;")];
            assert_eq!(found(&files, &[]), [""; 0], "{other}");
        }
    }

    #[test]
    fn a_folder_counts_as_one_module() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a/mod.rs", "mod x;\nmod y;"),
            ("a/x.rs", "use crate::b::B;"),
            ("a/y.rs", "pub struct Y;"),
            ("b.rs", "use crate::a::y::Y;"),
        ];
        assert_eq!(found(&files, &[]).len(), 2);
        assert_eq!(found(&files, &[&["c/src/a", "c/src/b.rs"]]), [""; 0]);
    }

    #[test]
    fn a_parent_and_its_children_may_use_each_other() {
        let files = [
            ("lib.rs", "mod a;\nuse a::x::X;\npub struct Root;"),
            ("a/mod.rs", "mod x;\npub use x::X;\npub struct A(X, x::Y);"),
            ("a/x.rs", "use super::A;\nuse crate::Root;"),
        ];
        assert_eq!(found(&files, &[]), [""; 0]);
    }

    #[test]
    fn files_of_tests_do_not_count() {
        let files = [
            ("lib.rs", "mod a;\nmod b;"),
            ("a/mod.rs", "#[cfg(test)]\nmod tests;"),
            ("a/tests.rs", "use crate::b::B;"),
            ("b.rs", "use crate::a::A;"),
        ];
        assert_eq!(found(&files, &[]), [""; 0]);
    }

    #[test]
    fn a_circle_of_three_is_one_and_what_only_leads_to_it_is_not_in_it() {
        let files = [
            ("lib.rs", ""),
            ("a.rs", "use crate::b;"),
            ("b.rs", "use crate::c;"),
            ("c.rs", "use crate::a;\nuse crate::e;"),
            ("d.rs", "use crate::a;"),
            ("e.rs", ""),
        ];
        assert_eq!(found(&files, &[]).len(), 3);
    }

    #[test]
    fn an_allowed_circle_must_be_there_and_must_not_grow() {
        let files = [("lib.rs", ""), ("a.rs", "use crate::b;"), ("b.rs", "use crate::a;"), ("c.rs", "")];
        let outdated = |entry: &str| {
            format!(
                "xtask/src/tidy/circles.rs: `ALLOWED` has {entry}, which is no such circle any more; shorten the list"
            )
        };
        let entry: &[&str] = &["c/src/a.rs", "c/src/b.rs", "c/src/c.rs"];
        assert_eq!(found(&files, &[entry]), [outdated("c/src/a.rs, c/src/b.rs, c/src/c.rs")]);
        let files =
            [("lib.rs", ""), ("a.rs", "use crate::b;"), ("b.rs", "use crate::c;"), ("c.rs", "use crate::a;")];
        let found = found(&files, &[&["c/src/a.rs", "c/src/b.rs"]]);
        assert_eq!(found.len(), 4);
        assert_eq!(found[3], outdated("c/src/a.rs, c/src/b.rs"));
    }
}
