//! Rules for the cut of the workspace: who may know whom.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{File, Finding};

/// The crates that depend on nothing of the workspace but the contract.
const SIBLINGS: [&str; 6] = [
    "crosspatch-backends",
    "crosspatch-config",
    "crosspatch-io",
    "crosspatch-sim",
    "crosspatch-transforms",
    "crosspatch-web",
];

/// The contract, which depends on nothing of the workspace.
const CONTRACT: &str = "crosspatch-core";

/// The virtual world, which only tests and benchmarks depend on.
const WORLD: &str = "crosspatch-sim";

/// Folders whose code must do without the name of any protocol.
const NAMELESS: [&str; 6] = [
    "crates/core/src/",
    "crates/config/src/",
    "crates/io/src/",
    "crates/sim/src/",
    "crates/transforms/src/",
    "crates/web/src/",
];

/// Backends whose names are words for something else as well: `loopback` wherever there are addresses, `midi` as a kind of
/// device, and `jack` as a kind of port.
const ORDINARY: [&str; 3] = ["loopback", "midi", "jack"];

const BACKENDS: &str = "crates/backends/src/";

/// Folders beside the backends that are none: what several of them share, and what uses several of them.
const SHARED: [&str; 2] = ["shared", "recognize"];

/// Names of what only backends share, which are as foreign to other code as those of protocols.
const SHARED_NAMES: [&str; 4] = ["dmx", "feedback", "mdns", "recognize"];

/// `crosspatch-*` crates depend on the contract alone, except in their tests; only the binary knows all of them.
pub(super) fn siblings_are_independent(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let mut findings = Vec::new();
    for name in SIBLINGS.into_iter().chain([CONTRACT]) {
        let Some(package) = packages.iter().find(|package| package["name"] == name) else {
            findings.push(Finding::file("Cargo.toml", format!("the workspace has no package `{name}`")));
            continue;
        };
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        let built_in = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
        for other in built_in.filter_map(|dependency| dependency["name"].as_str()) {
            let is_ours = other.starts_with("crosspatch") || other == "xtask";
            if is_ours && (other != CONTRACT || name == CONTRACT) {
                let path = package["manifest_path"].as_str().unwrap_or(name);
                findings.push(Finding::file(path, format!("`{name}` must not depend on `{other}`")));
            }
        }
    }
    findings
}

/// The program does not contain the world for tests.
pub(super) fn the_world_is_for_tests(metadata: &Value) -> Vec<Finding> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let contains_it = |package: &&Value| {
        let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
        dependencies.iter().any(|dependency| dependency["name"] == WORLD && dependency["kind"] != "dev")
    };
    let finding = |package: &Value| {
        let path = package["manifest_path"].as_str().unwrap_or_default();
        Finding::file(path, format!("only tests may depend on `{WORLD}`"))
    };
    packages.iter().filter(contains_it).map(finding).collect()
}

/// No code of the contract, the language, the transforms, the virtual world or the shell names a protocol. Comments may, as
/// an example; so may tests.
pub(super) fn name_no_protocol(files: &[File]) -> Vec<Finding> {
    let protocols = folders(files).into_iter().filter(|name| !ORDINARY.contains(name));
    let protocols: BTreeSet<_> = protocols.chain(SHARED_NAMES).collect();
    let mut findings = Vec::new();
    for file in files {
        if !file.path.ends_with(".rs") || !NAMELESS.iter().any(|folder| file.path.starts_with(folder)) {
            continue;
        }
        for (at, line) in file.text.lines().take_while(|line| *line != "#[cfg(test)]").enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|c: char| !c.is_ascii_alphanumeric());
            for word in words.map(str::to_ascii_lowercase).filter(|word| protocols.contains(word.as_str())) {
                let message = format!(
                    "names the protocol `{word}`; what only one protocol needs belongs to its backend"
                );
                findings.push(Finding::line(&file.path, at, message));
            }
        }
    }
    findings
}

/// Every folder of a backend is registered, in order, and has a manual and at least one scenario.
pub(super) fn backends_are_complete(files: &[File]) -> Vec<Finding> {
    let library = format!("{BACKENDS}lib.rs");
    let text = files.iter().find(|file| file.path == library).map_or("", |file| &file.text);
    let mut findings = Vec::new();
    let mut places = Vec::new();
    for name in folders(files) {
        let folder = format!("{BACKENDS}{name}/");
        let within = |path: &str| files.iter().any(|file| file.path.strip_prefix(&folder) == Some(path));
        if !within("mod.rs") {
            findings.push(Finding::file(&folder, "has no `mod.rs`"));
        }
        if !within("README.md") {
            findings
                .push(Finding::file(&folder, "has no `README.md`, the manual that `crosspatch help` prints"));
        }
        let scenarios = format!("{folder}scenarios/");
        if !files.iter().any(|file| file.path.starts_with(&scenarios) && file.path.ends_with(".md")) {
            findings.push(Finding::file(&scenarios, "has no scenario"));
        }
        if !text.lines().any(|line| line.trim() == format!("pub mod {name};")) {
            findings.push(Finding::file(&library, format!("lacks `pub mod {name};`")));
        }
        match text.find(&format!("&{name}::BACKEND")) {
            Some(place) => places.push(place),
            None => findings.push(Finding::file(&library, format!("`BACKENDS` lacks `&{name}::BACKEND`"))),
        }
    }
    if !places.is_sorted() {
        findings.push(Finding::file(&library, "`BACKENDS` is not in the order of the alphabet"));
    }
    findings
}

/// The folders of the backends, by name.
fn folders(files: &[File]) -> BTreeSet<&str> {
    let below = files.iter().filter_map(|file| file.path.strip_prefix(BACKENDS));
    let folders = below.filter_map(|path| path.split_once('/')).map(|(folder, _)| folder);
    folders.filter(|folder| !SHARED.contains(folder)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    fn workspace(dependencies_of_io: &Value) -> Value {
        let core = json!([{ "name": "crosspatch-core", "kind": null }]);
        json!({ "packages": [
            { "name": "crosspatch-core", "manifest_path": "core", "dependencies": [] },
            { "name": "crosspatch-config", "manifest_path": "config", "dependencies": core },
            { "name": "crosspatch-backends", "manifest_path": "backends", "dependencies": core },
            { "name": "crosspatch-transforms", "manifest_path": "transforms", "dependencies": core },
            { "name": "crosspatch-sim", "manifest_path": "sim", "dependencies": core },
            { "name": "crosspatch-web", "manifest_path": "web", "dependencies": core },
            { "name": "crosspatch-io", "manifest_path": "io", "dependencies": dependencies_of_io },
        ] })
    }

    #[test]
    fn a_sibling_is_allowed_in_tests_only() {
        let dev = json!([{ "name": "crosspatch-backends", "kind": "dev" }, { "name": "mio", "kind": null }]);
        assert_eq!(siblings_are_independent(&workspace(&dev)), []);
        for kind in [Value::Null, json!("build")] {
            let found =
                siblings_are_independent(&workspace(&json!([{ "name": "crosspatch-config", "kind": kind }])));
            assert_eq!(
                found,
                [Finding::file("io", "`crosspatch-io` must not depend on `crosspatch-config`")]
            );
        }
    }

    #[test]
    fn the_contract_depends_on_nobody_and_nobody_may_be_missing() {
        let mut workspace = workspace(&json!([]));
        workspace["packages"][0]["dependencies"] = json!([{ "name": "crosspatch-io", "kind": null }]);
        assert_eq!(siblings_are_independent(&workspace).len(), 1);
        assert_eq!(siblings_are_independent(&json!({ "packages": [] })).len(), 7);
    }

    #[test]
    fn the_world_is_allowed_in_tests_only() {
        let depends = |kind: Value| {
            json!({ "packages": [{ "name": "crosspatch", "manifest_path": "program",
                "dependencies": [{ "name": "crosspatch-sim", "kind": kind }] }] })
        };
        assert_eq!(the_world_is_for_tests(&depends(json!("dev"))), []);
        let found = Finding::file("program", "only tests may depend on `crosspatch-sim`");
        assert_eq!(the_world_is_for_tests(&depends(Value::Null)), [found]);
    }

    #[test]
    fn a_protocol_named_in_shared_code_is_found() {
        let backend = file("crates/backends/src/osc/mod.rs", "");
        let naming = |path: &str, text: &str| name_no_protocol(&[file(path, text), file(&backend.path, "")]);
        assert_eq!(naming("crates/io/src/udp.rs", "//! UDP.\nif backend == \"osc\" {\n").len(), 1);
        assert_eq!(naming("crates/core/src/plan.rs", "struct OscPort;\nuse osc::Wire;").len(), 1);
        assert_eq!(naming("crates/core/src/plan.rs", "//! As osc does.\nlet oscillator = 1; // osc\n"), []);
        assert_eq!(naming("crates/config/src/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests { osc }"), []);
        assert_eq!(naming("crates/crosspatch/src/a.rs", "osc"), []);
        assert_eq!(naming("crates/io/src/udp.rs", "let dmx = 6454;").len(), 1);
    }

    #[test]
    fn what_backends_share_is_no_backend() {
        assert_eq!(backends_are_complete(&[file("crates/backends/src/shared/dmx/mod.rs", "")]), []);
    }

    #[test]
    fn every_missing_part_of_a_backend_is_found() {
        let whole = |name: &str| {
            ["mod.rs", "README.md", "scenarios/first.md"]
                .map(|path| file(&format!("{BACKENDS}{name}/{path}"), ""))
        };
        let library =
            "pub mod a;\npub mod b;\npub const BACKENDS: &[&Backend] = &[&a::BACKEND, &b::BACKEND];\n";
        let complete =
            || whole("a").into_iter().chain(whole("b")).chain([file("crates/backends/src/lib.rs", library)]);
        assert_eq!(backends_are_complete(&complete().collect::<Vec<_>>()), []);
        for left_out in 0..3 {
            let files: Vec<_> =
                complete().enumerate().filter(|(at, _)| *at != left_out).map(|(_, file)| file).collect();
            assert_eq!(backends_are_complete(&files).len(), 1, "without file {left_out}");
        }
        for (from, to) in [
            ("pub mod b;", ""),
            (", &b::BACKEND", ""),
            ("&a::BACKEND, &b::BACKEND", "&b::BACKEND, &a::BACKEND"),
        ] {
            let mut files: Vec<_> = complete().collect();
            files[6].text = library.replace(from, to);
            assert_eq!(backends_are_complete(&files).len(), 1, "{to:?} for {from:?}");
        }
    }
}
