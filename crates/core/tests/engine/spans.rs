//! Spans: what passes as a whole, and what is broken into values.

use crate::turns::Stage;

/// `source.0 > target.0` and so on.
fn range(source: &str, chain: &str, target: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{source}.{at} {chain}> {target}.{at}")).collect()
}

fn stage(lines: &[String]) -> Stage {
    let mut stage = Stage::new(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    stage.log();
    stage.out.clear();
    stage
}

/// A span of that many levels, all of them 51 and changed, which is 0.2.
fn span(first: usize, count: usize) -> String {
    format!("{first}:{}", vec!["51"; count].join(","))
}

/// The numbers of the channels in a line of the log.
fn slots(line: &str) -> Vec<usize> {
    line.split(' ').filter_map(|part| part.split_once('=')?.0.parse().ok()).collect()
}

#[test]
fn a_span_passes_whole_in_its_place_among_values_and_through_shapes() {
    let lines = [range("d", "", "f", 16), range("e", "| invert ", "f", 16)].concat();
    let mut stage = stage(&lines);
    stage.receive("d", "1=0.5 0:51,-,0,255,-,-,-,-,-,-,-,-,-,-,-,- 2=1 2=0.75");
    assert_eq!(stage.log(), ["f values 1=0.5", "f span 0=0.2 2=0 3=1", "f values 2=1 2=0.75"]);
    let lines = range("d", "| invert ", "f", 20);
    let mut stage = self::stage(&lines);
    stage.receive("d", "4:51,-,0,255");
    assert_eq!(stage.log(), ["f span 4=0.8 6=1 7=0"]);
    stage.engine.note_changes(true);
    let mut known = Vec::new();
    stage.engine.drain_changes(usize::MAX, |change| {
        known.push(format!("{} {:?} {}", change.slot.0, change.direction, change.value));
    });
    let inputs = ["4 Input 0.2", "6 Input 0", "7 Input 1"];
    let outputs = ["4 Output 0.8", "6 Output 1", "7 Output 0"];
    assert_eq!(known, [inputs, outputs].concat());
}

#[test]
fn only_what_a_span_route_covers_passes_whole_and_the_rest_as_values_in_order() {
    let mut lines = range("d", "", "f", 40);
    lines[18] = "d.18 > f.0".into();
    lines.push("d.39 > x.1".into());
    let mut stage = stage(&lines);
    stage.receive("d", &span(0, 40));
    let log = stage.log();
    let slots: Vec<_> = log.iter().map(|line| (&line[..6], slots(line))).collect();
    assert_eq!(
        slots,
        [
            ("f span", (0..18).collect()),
            ("f valu", vec![0]),
            ("f span", (18..38).collect()),
            ("f valu", vec![38]),
            ("x valu", vec![0]),
        ]
    );
}

#[test]
fn a_session_that_takes_no_spans_gets_values() {
    let mut stage = stage(&range("d", "", "x", 20));
    stage.receive("d", &span(2, 3));
    assert_eq!(stage.log(), ["x values 2=0.2 3=0.2 4=0.2"]);
}

#[test]
fn chains_that_flatten_and_chains_that_remember_get_values() {
    for chain in ["| steps 2 ", "| threshold 0.5 ", "| smooth 1s "] {
        let mut stage = stage(&range("d", chain, "f", 20));
        stage.receive("d", &span(0, 20));
        assert!(stage.log().iter().all(|line| line.starts_with("f values ")), "{chain}");
    }
}

#[test]
fn an_event_for_the_same_target_breaks_the_spans_of_the_turn() {
    let mut lines = range("d", "", "f", 20);
    lines.insert(0, "d.first > f.first".into());
    lines.push("d.event > f.event".into());
    let mut stage = stage(&lines);
    stage.receive("d", &format!("0=1 {} 21=0.5 {} 0=0", span(1, 20), span(1, 2)));
    let log = stage.log();
    assert_eq!(slots(&log[0]), [vec![0], (1..21).collect(), vec![21, 1, 2, 0]].concat());
    assert_eq!(log[1..], ["f events 21"]);
}

#[test]
fn a_loop_of_spans_is_found() {
    let lines = [range("d", "", "fr", 16), range("fr", "", "fre", 16), range("fre", "", "fr", 16)].concat();
    let mut stage = stage(&lines);
    stage.receive("d", &span(0, 16));
    let log = stage.log();
    assert!(log[..4].iter().all(|line| line.contains(" span ")), "early hops take the short road");
    let notices = stage.notices();
    assert!(notices.len() == 1 && notices[0].contains("goes round in a loop"), "{notices:?}");
}

#[test]
fn spans_that_wait_are_delivered_after_a_reload_as_far_as_they_are_mapped() {
    let flood = (0..2000).map(|at| format!("d.flood > out.{at}"));
    let lines: Vec<_> = flood.chain((0..20).map(|at| format!("d.{at} > f.{at}"))).collect();
    let mut stage = stage(&lines);
    stage.receive("d", &format!("0=0.5 {}", span(1, 20)));
    assert!(stage.engine.is_unfinished());
    assert!(stage.log().iter().all(|line| !line.starts_with("f ")), "the span waits");
    let lines: Vec<_> = lines[..2010].iter().map(String::as_str).collect();
    stage.install(&lines);
    stage.finish();
    let log = stage.log();
    let arrived: Vec<_> = log.iter().filter(|line| line.starts_with("f values ")).collect();
    assert_eq!(arrived.len(), 1, "{log:?}");
    assert_eq!(slots(arrived[0]), (0..10).collect::<Vec<_>>());
    stage.open("f");
    assert_eq!(slots(&stage.log()[0]), (0..10).collect::<Vec<_>>(), "the recall has the same states");
}
