//! `merge`: the end of a line that shares its target with others.

use crosspatch_core::transform::{ArgumentError, Arguments, Merge, Rule, Stage, Transform};

pub(super) const MERGE: Transform = Transform {
    name: "merge",
    usage: "merge htp|ltp|sum|average|priority <number>",
    summary: "merges several sources of one target; the last stage of a line",
    read,
};

fn read(arguments: &mut Arguments<'_>) -> Result<Stage, ArgumentError> {
    const RULES: [(&str, Rule); 5] = [
        ("htp", Rule::Htp),
        ("ltp", Rule::Ltp),
        ("sum", Rule::Sum),
        ("average", Rule::Average),
        ("priority", Rule::Priority),
    ];
    let rule = arguments.one_of("a rule", &RULES)?;
    let priority = match rule {
        Rule::Priority => arguments.whole("a priority", 0..=200)? as u8,
        Rule::Htp | Rule::Ltp | Rule::Sum | Rule::Average => 0,
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
        assert_eq!(read("merge htp"), Ok(Merge { rule: Rule::Htp, priority: 0 }));
        assert_eq!(read("merge priority 200"), Ok(Merge { rule: Rule::Priority, priority: 200 }));
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
