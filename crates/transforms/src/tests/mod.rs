//! Properties of every transform, for all arguments and all inputs.

mod chains;

use crosspatch_core::Duration;
use crosspatch_core::transform::{Chain, LinePosition, Stage, transforms};
use proptest::prelude::*;

use crate::FAMILIES;
use crate::rig::{ChainRig, read_stage};

/// Whole words and parts of them, right ones and wrong ones, with blanks between them.
const WORDS: &str = "0.5 50% -1 0 1..2 .. 0:1 : -> = 100ms 0ms 25/s /s % not in a.b to spread rate sine attack release \
    within resend htp priority red dim s \u{2003} é=ü \" \"é\" \"a\\ \"{\" \"{value}\" \"{value:.9}\" \"1*7\"";

/// The stages in the examples of all manuals.
fn examples() -> Vec<&'static str> {
    let maps = FAMILIES.iter().flat_map(|family| family.manual.split("```map\n").skip(1));
    let lines = maps.flat_map(|map| map.split("\n```").next().unwrap_or_default().lines());
    let chains = lines.filter_map(|line| line.rsplit_once('>'));
    let chains = chains.map(|(chain, _)| chain.trim_end_matches(['<', ' ']));
    chains.flat_map(|chain| chain.split(" | ").skip(1)).map(str::trim).collect()
}

/// An example, in which one word may be replaced by another and another word may be appended to it.
fn written() -> impl Strategy<Value = String> {
    let words: Vec<_> = WORDS.split(' ').collect();
    let word = || prop::option::of(prop::sample::select(words.clone()));
    (prop::sample::select(examples()), any::<prop::sample::Index>(), word(), word()).prop_map(
        |(example, at, instead, behind)| {
            let mut words: Vec<_> = example.split(' ').collect();
            if let Some(word) = instead {
                let at = at.index(words.len());
                words[at] = word;
            }
            words.extend(behind);
            words.join(" ")
        },
    )
}

#[test]
fn the_examples_show_every_transform() {
    let examples = examples();
    for transform in transforms(FAMILIES) {
        let shows = |example: &&str| example.split(' ').next() == Some(transform.name);
        assert!(examples.iter().any(shows), "{}", transform.name);
    }
    for example in examples {
        assert!(read_stage(example, &mut Vec::new()).is_ok(), "{example}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn whatever_is_written_either_runs_or_is_wrong_somewhere_in_it(text in written()) {
        let mut references = Vec::new();
        let stage = match read_stage(&text, &mut references) {
            Ok(stage) => stage,
            Err(error) => {
                prop_assert!(text.get(error.at.clone()).is_some(), "{text:?}: {error:?}");
                return Ok(());
            }
        };
        let listeners = vec![0; references.len()];
        let chains = std::iter::once(stage.clone()).chain(stage.inverse());
        for stage in chains.filter(|stage| !matches!(stage, Stage::Merge(_))) {
            let chain = Chain::new(text.as_str(), vec![stage], listeners.clone());
            let mut rig = ChainRig::of(chain, LinePosition { number: 3, count: 7, narrow: 7 });
            for number in [0.0, 1.0, 0.5, 0.95, 0.0] {
                let given = [rig.put(number), rig.put("a text"), rig.recall(number), rig.group(true)];
                let known = (0..listeners.len()).map(|reference| rig.channel(reference, number));
                let given: Vec<_> = given.into_iter().chain(known).flatten().collect();
                let later = rig.advance(Duration::from_millis(300)).into_iter().map(|(_, value)| value);
                for value in given.into_iter().chain(later) {
                    let level = value.as_number().unwrap_or_default();
                    prop_assert!((0.0..=1.0).contains(&level), "{text:?} gave {value}");
                }
            }
        }
    }
}
