//! Which channels a plan maps in which direction: those at the ends of mappings, and those that transforms look at.

use crosspatch_config::compile_text;
use crosspatch_core::{Direction, Plan};

mod support;

fn plan(lines: &str) -> Plan {
    let instances = "[console desk]\n[dimmer rack]\n[bus one]\n[bus shift]\n";
    let compiled = compile_text(&format!("{instances}[map]\n{lines}"), support::REGISTRY);
    let shown = compiled.render(false);
    compiled.plan.unwrap_or_else(|| panic!("{shown}"))
}

/// `in`, `out`, both or neither.
fn directions(plan: &Plan, channel: &str) -> String {
    let (instance, slot) = plan.find_channel(channel).unwrap_or_else(|| panic!("{channel} has no slot"));
    let channels = &plan.instances()[instance.index()].channels;
    let directions = [(Direction::Input, "in"), (Direction::Output, "out")];
    let mapped = directions.iter().filter(|(direction, _)| channels.is_mapped(slot, *direction));
    mapped.map(|(_, shown)| *shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_channel_in_a_transform_is_an_input() {
    let plan = plan("rack.{1..2} | when shift.{a,b} > one.{1..2}\nrack.3 | when desk.page1.fader5 > one.3\n");
    for channel in ["shift.a", "shift.b", "desk.page1.fader5"] {
        assert_eq!(directions(&plan, channel), "in", "{channel}");
    }
    assert_eq!(plan.mapping_count(), 3);
}

#[test]
fn the_target_of_a_takeover_is_an_input_if_its_backend_reports_it() {
    let plan = plan(
        "rack.1 | pickup > desk.page1.fader1\nrack.2 | pickup > desk.led.x\nrack.3 > desk.page1.fader3\n",
    );
    assert_eq!(directions(&plan, "desk.page1.fader1"), "in out");
    assert_eq!(directions(&plan, "desk.led.x"), "out");
    assert_eq!(directions(&plan, "desk.page1.fader3"), "out");
}

#[test]
fn a_takeover_may_refer_to_an_output_without_mapping_it() {
    let plan = plan("rack.1 | pickup desk.led.x > one.1\nrack.2 | pickup desk.led.y > desk.led.y\n");
    assert_eq!(directions(&plan, "desk.led.x"), "");
    assert_eq!(directions(&plan, "desk.led.y"), "out");
}

#[test]
fn all_mappings_of_a_line_share_its_chain() {
    let plan = plan("rack.{1..4} | invert > one.{1..4}\n");
    let mut chains = plan.mappings().map(|mapping| mapping.chain.expect("a chain"));
    let first = chains.next().expect("four mappings");
    assert_eq!(chains.filter(|chain| std::ptr::eq(*chain, first)).count(), 3);
}
