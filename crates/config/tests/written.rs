//! The mapping lines that a compilation keeps for those who show them.

mod support;

use std::path::Path;

use crosspatch_config::{CompileInput, Compiled, MemoryFiles, compile};

fn compiled(main: &str, included: &str, keeps_lines: bool) -> Compiled {
    compile(&CompileInput {
        file: Path::new("show.cfg"),
        files: &MemoryFiles::default().with("show.cfg", main).with("more.cfg", included),
        overrides: &[],
        registry: support::REGISTRY,
        previous: None,
        skip_missing: false,
        keeps_lines,
    })
}

#[test]
fn each_line_is_found_with_its_file_its_number_and_its_mappings() {
    let main = "[bus one]\r\n[bus two]\r\n[map]\r\n  one.{a,b} > two.{a,b}  \r\n; a comment\r\n[include more.cfg]\r\n\
                one.d <> two.d\r\n";
    let included = "[map]\n\none.c > two.c\none.c > two.c\none.c > two.e";
    let compiled = compiled(main, included, true);
    let (plan, lines) = (compiled.plan.expect("a plan"), compiled.mappings.expect("lines"));
    let name = |(instance, slot): (crosspatch_core::InstanceId, crosspatch_core::Slot)| {
        let planned = &plan.instances()[instance.index()];
        format!("{}.{}", planned.name, planned.channels.address(slot))
    };
    let shown: Vec<_> = (0..lines.len())
        .map(|number| {
            let (file, line) = lines.place(number);
            let mappings =
                lines.mappings(number).iter().map(|(from, to)| format!("{} {}", name(*from), name(*to)));
            format!(
                "{}:{line}: {} = {}",
                file.display(),
                lines.text(number),
                mappings.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "show.cfg:4: one.{a,b} > two.{a,b} = one.a two.a, one.b two.b",
            "more.cfg:3: one.c > two.c = one.c two.c",
            // The plan has it once. The line is shown nevertheless.
            "more.cfg:4: one.c > two.c = one.c two.c",
            "more.cfg:5: one.c > two.e = one.c two.e",
            "show.cfg:7: one.d <> two.d = one.d two.d, two.d one.d",
        ]
    );
}

#[test]
fn lines_are_only_kept_for_a_page() {
    let text = |web: &str| format!("[bus one]\n[bus two]\n{web}[map]\none.a > two.a\n");
    assert!(compiled(&text(""), "", false).mappings.is_none());
    let with_page = compiled(&text("[web]\n"), "", false);
    assert_eq!(with_page.mappings.map(|lines| lines.len()), Some(1));
    assert_eq!(with_page.web.map(|web| web.listen), Some(crosspatch_config::DEFAULT_LISTEN));
}
