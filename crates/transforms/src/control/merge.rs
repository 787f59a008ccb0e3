//! `merge`: combines the sources of a target that several lines share.

use crosspatch_core::transform::{ArgumentError, Arguments, JoinRule, Merge, Stage, Transform};

pub(super) const MERGE: Transform = Transform {
    name: "merge",
    usage: "merge htp|ltp|sum|average|priority <number>",
    summary: "merges several sources of one target; the last stage of a line",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const RULES: [(&str, JoinRule); 5] = [
        ("htp", JoinRule::Htp),
        ("ltp", JoinRule::Ltp),
        ("sum", JoinRule::Sum),
        ("average", JoinRule::Average),
        ("priority", JoinRule::Priority),
    ];
    let rule = arguments.one_of("a rule", &RULES)?;
    let priority = match rule {
        JoinRule::Priority => arguments.whole("a priority", 0..=200)? as u8,
        JoinRule::Htp | JoinRule::Ltp | JoinRule::Sum | JoinRule::Average => 0,
    };
    Ok(Stage::Merge(Merge { rule, priority }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::read_stage;

    #[test]
    fn rules_are_read_with_their_priority() {
        let read = |written| match read_stage(written, &mut Vec::new()) {
            Ok(Stage::Merge(merge)) => Ok(merge),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err((error.at, error.message)),
        };
        assert_eq!(read("merge htp"), Ok(Merge { rule: JoinRule::Htp, priority: 0 }));
        assert_eq!(read("merge priority 200"), Ok(Merge { rule: JoinRule::Priority, priority: 200 }));
        for (written, at, message) in [
            ("merge", 5..5, "expected a rule, found nothing"),
            ("merge max", 6..9, "expected a rule, found `max`"),
            ("merge priority", 14..14, "expected a priority, found nothing"),
            ("merge priority 201", 15..18, "expected a priority from 0 to 200, found `201`"),
            ("merge priority 1.5", 15..18, "expected a priority without decimals, found `1.5`"),
            ("merge htp 5", 10..11, "expected nothing more, found `5`"),
        ] {
            assert_eq!(read(written), Err((at, message.to_owned())), "{written}");
        }
    }
}
