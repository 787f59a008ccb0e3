//! The route table against a map that is too simple to be wrong.

use std::collections::BTreeMap;

use crosspatch_core::{InstanceId, Slot};
use proptest::prelude::*;

use crate::probe::Show;

proptest! {
    #[test]
    fn the_table_holds_each_route_once_in_the_order_of_the_lines(
        pairs in prop::collection::vec(((0..5_u8, 0..6_u8), (0..5_u8, 0..6_u8)), 0..80)
    ) {
        let written = |(instance, channel): (u8, u8)| format!("i{instance}.c{channel}");
        let lines: Vec<_> = pairs.iter().map(|&(from, to)| format!("{} > {}", written(from), written(to))).collect();
        let plan = Show::new().plan(None, &lines.iter().map(String::as_str).collect::<Vec<_>>());

        let mut naive: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for &(from, to) in &pairs {
            let row = naive.entry(written(from)).or_default();
            if !row.contains(&written(to)) {
                row.push(written(to));
            }
        }
        let name = |(instance, slot): (InstanceId, Slot)| {
            let planned = &plan.instances()[instance.index()];
            format!("{}.{}", planned.name, planned.channels.address(slot))
        };
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for planned in plan.instances() {
            for slot in planned.channels.slots() {
                prop_assert_eq!(planned.channels.find(planned.channels.address(slot)), Some(slot));
            }
        }
        for mapping in plan.mappings() {
            found.entry(name(mapping.from)).or_default().push(name(mapping.to));
        }
        prop_assert_eq!(naive.values().map(Vec::len).sum::<usize>(), plan.mapping_count());
        prop_assert_eq!(naive, found);
    }
}
