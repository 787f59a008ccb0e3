//! Tests of the rules in virtual time.

use super::*;

const NOBODY: &str = "10.0.0.9:5568";

/// A desk that sends universe 1.
struct Desk {
    cid: u8,
    priority: u8,
    sequence: u8,
    level: u8,
    sync_address: u16,
    force_sync: bool,
}

fn desk(cid: u8, priority: u8, level: u8) -> Desk {
    Desk { cid, priority, sequence: 0, level, sync_address: 0, force_sync: false }
}

impl Desk {
    fn packet<'a>(&mut self, slots: &'a [u8]) -> Data<'a> {
        self.sequence = self.sequence.wrapping_add(1);
        Data {
            cid: Cid([self.cid; 16]),
            name: b"desk",
            priority: self.priority,
            sync_address: self.sync_address,
            sequence: self.sequence,
            preview: false,
            terminated: false,
            force_sync: self.force_sync,
            universe: 1,
            start_code: LEVELS,
            slots,
        }
    }
}

/// The sources and a clock.
struct Stage {
    sources: Sources,
    now: Instant,
    /// All levels of the first slot, in order.
    seen: Vec<u8>,
}

impl Stage {
    fn new() -> Self {
        Self::with(Rule::Htp, Loss::Hold)
    }

    fn with(merge: Rule, loss: Loss) -> Self {
        let rules = Rules { merge, preview: false, loss };
        Self { sources: Sources::new(rules), now: Instant::START, seen: Vec::new() }
    }

    fn handle(&mut self, data: &Data<'_>) {
        let peer = NOBODY.parse().expect("an address");
        let has_changed = self.sources.handle_data(self.now, data, peer);
        self.look(has_changed);
    }

    fn send(&mut self, desk: &mut Desk) {
        let slots = [desk.level; 4];
        let packet = desk.packet(&slots);
        self.handle(&packet);
    }

    fn prioritise(&mut self, desk: &mut Desk, priorities: &[u8]) {
        let packet = Data { start_code: PRIORITIES, ..desk.packet(priorities) };
        self.handle(&packet);
    }

    fn terminate(&mut self, desk: &mut Desk) {
        for _ in 0..3 {
            let packet = Data { terminated: true, ..desk.packet(&[0; 4]) };
            self.handle(&packet);
        }
    }

    fn sync(&mut self, address: u16, sequence: u8) {
        let sign = Synchronization { cid: Cid([9; 16]), sequence, address };
        let has_changed = self.sources.handle_sync(self.now, &sign);
        self.look(has_changed);
    }

    fn look(&mut self, has_changed: bool) {
        if let (true, Some(level)) = (has_changed, self.sources.levels().first())
            && self.seen.last() != Some(level)
        {
            self.seen.push(*level);
        }
    }

    /// Advances the time, and handles the timeouts on the way.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.sources.next_timeout().filter(|due| *due <= end) {
            assert!(due >= self.now, "{due} is in the past of {}", self.now);
            self.now = due;
            let has_changed = self.sources.handle_timeout(due);
            self.look(has_changed);
            assert_ne!(self.sources.next_timeout(), Some(due), "the same is due for ever");
        }
        self.now = end;
    }

    /// Both desks send for this time.
    fn play(&mut self, desks: &mut [&mut Desk], millis: u64) {
        for _ in 0..millis / 100 {
            for desk in desks.iter_mut() {
                self.send(desk);
            }
            self.pass(100);
        }
    }

    fn level(&self) -> Option<u8> {
        self.sources.levels().first().copied()
    }

    fn events(&mut self) -> Vec<Event> {
        self.sources.take_events().collect()
    }
}

#[test]
fn a_source_counts_when_it_has_had_the_time_to_give_priorities() {
    let mut stage = Stage::new();
    let mut one = desk(1, 100, 10);
    stage.send(&mut one);
    stage.pass(1499);
    assert_eq!(stage.level(), None);
    stage.pass(1);
    assert_eq!(stage.level(), Some(10));
    assert_eq!(stage.events(), [Event::Appeared(Cid([1; 16]))]);
}

#[test]
fn a_source_that_gives_priorities_counts_at_once_where_others_count_already() {
    let mut stage = Stage::new();
    let (mut low, mut high) = (desk(1, 100, 10), desk(2, 100, 20));
    stage.play(&mut [&mut low], 3000);
    stage.send(&mut high);
    assert_eq!(stage.level(), Some(10), "it may give priorities yet");
    stage.prioritise(&mut high, &[150; 4]);
    assert_eq!(stage.level(), Some(20));
}

#[test]
fn the_highest_priority_wins_whatever_the_levels() {
    let mut stage = Stage::new();
    let (mut low, mut high) = (desk(1, 50, 255), desk(2, 150, 1));
    stage.play(&mut [&mut low, &mut high], 3000);
    assert_eq!(stage.seen, [1]);
    low.priority = 151;
    stage.play(&mut [&mut low, &mut high], 100);
    assert_eq!(stage.seen, [1, 255]);
}

#[test]
fn a_low_source_never_flashes_through_at_the_start() {
    let mut stage = Stage::new();
    let (mut low, mut high) = (desk(1, 50, 255), desk(2, 150, 0));
    stage.send(&mut low);
    stage.pass(990);
    // A source without changes sends once per second.
    stage.send(&mut high);
    stage.play(&mut [&mut low, &mut high], 5000);
    assert_eq!(stage.seen, [0]);
}

#[test]
fn a_low_source_never_flashes_through_when_a_switch_dies() {
    for (last_low, last_high) in [(0, 40), (40, 0), (0, 900), (900, 0), (0, 0)] {
        let mut stage = Stage::new();
        let (mut low, mut high) = (desk(1, 50, 255), desk(2, 150, 0));
        stage.play(&mut [&mut low, &mut high], 3000);
        if last_low < last_high {
            stage.send(&mut low);
            stage.pass(last_high - last_low);
            stage.send(&mut high);
        } else {
            stage.send(&mut high);
            stage.pass(last_low - last_high);
            stage.send(&mut low);
        }
        stage.pass(20_000);
        assert_eq!(stage.seen, [0], "heard last at {last_low} and {last_high} ms");
        assert!(stage.sources.all().is_empty() && stage.sources.next_timeout().is_none());
        let is_last = stage.events().into_iter().filter_map(|event| match event {
            Event::Gone { is_last, .. } => Some(is_last),
            Event::Appeared(_)
            | Event::TooMany(_)
            | Event::BadPriority(_)
            | Event::Sequence(..)
            | Event::Signs(..) => None,
        });
        assert_eq!(is_last.collect::<Vec<_>>(), [false, true]);
    }
}

#[test]
fn priorities_of_slots_hold_as_long_as_levels_when_a_switch_dies() {
    let mut stage = Stage::new();
    let (mut other, mut desk_with) = (desk(1, 120, 255), desk(2, 100, 0));
    stage.prioritise(&mut desk_with, &[150; 4]);
    stage.play(&mut [&mut other, &mut desk_with], 2000);
    assert_eq!(stage.seen, [0]);
    // The priorities are two seconds older than the last levels, and expire first.
    stage.pass(20_000);
    assert_eq!(stage.seen, [0]);
}

#[test]
fn the_next_source_takes_over_as_soon_as_it_has_been_heard() {
    let mut stage = Stage::new();
    let (mut low, mut high) = (desk(1, 50, 255), desk(2, 150, 0));
    stage.play(&mut [&mut low, &mut high], 3000);
    stage.terminate(&mut high);
    assert_eq!(stage.level(), Some(0), "the other may have gone as well");
    stage.pass(500);
    stage.send(&mut low);
    assert_eq!(stage.level(), Some(255));
    let gone = Event::Gone { name: b"desk"[..].into(), goodbye: Goodbye::Terminated, is_last: false };
    assert_eq!(stage.events().last(), Some(&gone));

    let mut high = desk(3, 150, 0);
    stage.play(&mut [&mut low, &mut high], 3000);
    stage.play(&mut [&mut low], 2300);
    assert_eq!(stage.level(), Some(0));
    stage.play(&mut [&mut low], 300);
    assert_eq!(stage.level(), Some(255), "2.5 seconds of silence are an end as well");
}

#[test]
fn nothing_flashes_through_when_the_process_was_stopped_for_a_minute() {
    for order in [[0, 1], [1, 0]] {
        let mut stage = Stage::new();
        let mut desks = [desk(1, 50, 255), desk(2, 150, 0)];
        let [low, high] = &mut desks;
        stage.play(&mut [low, high], 3000);
        stage.now += Duration::from_secs(60);
        let has_changed = stage.sources.handle_timeout(stage.now);
        stage.look(has_changed);
        // The packets queued in the kernel arrive at once, then normal traffic continues.
        for _ in 0..5 {
            order.iter().for_each(|&at| stage.send(&mut desks[at]));
        }
        let [low, high] = &mut desks;
        stage.play(&mut [low, high], 5000);
        assert_eq!(stage.seen, [0]);
    }
}

#[test]
fn a_source_that_comes_back_while_it_is_missed_was_never_gone() {
    let mut stage = Stage::new();
    let (mut low, mut high) = (desk(1, 50, 255), desk(2, 150, 0));
    stage.play(&mut [&mut low, &mut high], 3000);
    stage.pass(2450);
    stage.events();
    high.sequence = high.sequence.wrapping_sub(5);
    stage.send(&mut high);
    stage.pass(2000);
    stage.send(&mut high);
    assert_eq!(stage.events().len(), 1, "only the low one is gone");
    assert_eq!(stage.seen, [0]);
}

#[test]
fn equals_are_merged_by_the_rule_that_is_asked_for() {
    for (rule, expected) in [(Rule::Htp, [200, 200, 200]), (Rule::Ltp, [200, 50, 60])] {
        let mut stage = Stage::with(rule, Loss::Hold);
        let (mut one, mut other) = (desk(1, 100, 10), desk(2, 100, 200));
        stage.play(&mut [&mut one], 100);
        stage.play(&mut [&mut one, &mut other], 3000);
        let first = stage.level();
        one.level = 50;
        stage.play(&mut [&mut one, &mut other], 300);
        let second = stage.level();
        one.level = 60;
        stage.play(&mut [&mut one, &mut other], 300);
        assert_eq!([first, second, stage.level()].map(Option::unwrap_or_default), expected, "{rule:?}");
    }
}

#[test]
fn a_source_gives_up_single_slots_with_priority_zero() {
    let mut stage = Stage::new();
    let (mut low, mut high) = (desk(1, 100, 10), desk(2, 100, 20));
    stage.play(&mut [&mut low], 2000);
    stage.prioritise(&mut high, &[0, 200, 255]);
    stage.send(&mut high);
    assert_eq!(stage.sources.levels(), [10, 20, 20, 10], "what is not said is zero");
    // Priorities that are not renewed expire, and the packet priorities apply again.
    stage.play(&mut [&mut low, &mut high], 2600);
    assert_eq!(stage.sources.levels(), [20; 4]);
}

#[test]
fn packets_that_are_old_or_come_twice_are_dropped() {
    let mut stage = Stage::new();
    let mut one = desk(1, 100, 10);
    stage.play(&mut [&mut one], 2000);
    for (sequence, level, holds) in
        [(0, 11, 10), (255, 12, 10), (237, 13, 10), (236, 14, 14), (237, 15, 15), (1, 16, 16)]
    {
        let slots = [level];
        let packet = Data { sequence: one.sequence.wrapping_add(sequence), ..one.packet(&slots) };
        one.sequence = one.sequence.wrapping_sub(1);
        stage.handle(&packet);
        assert_eq!(stage.level(), Some(holds), "{sequence} further");
    }
}

#[test]
fn previews_count_only_where_they_are_asked_for() {
    for preview in [false, true] {
        let rules = Rules { merge: Rule::Htp, preview, loss: Loss::Hold };
        let mut stage = Stage { sources: Sources::new(rules), ..Stage::new() };
        let mut one = desk(1, 100, 10);
        for _ in 0..20 {
            let packet = Data { preview: true, ..one.packet(&[7]) };
            stage.handle(&packet);
            stage.pass(100);
        }
        assert_eq!(stage.level(), preview.then_some(7));
    }
}

#[test]
fn priorities_that_do_not_exist_and_other_start_codes_are_no_data() {
    let mut stage = Stage::new();
    let mut one = desk(1, 201, 10);
    stage.play(&mut [&mut one], 2000);
    assert_eq!((stage.level(), stage.events()[0].clone()), (None, Event::BadPriority(201)));
    one.priority = 200;
    let packet = Data { start_code: 0x17, ..one.packet(&[9; 4]) };
    stage.handle(&packet);
    assert!(stage.sources.all().is_empty());
    stage.play(&mut [&mut one], 2000);
    assert_eq!(stage.level(), Some(10));
}

#[test]
fn levels_wait_for_their_sign_once_there_are_signs() {
    let mut stage = Stage::new();
    let mut one = Desk { sync_address: 7, ..desk(1, 100, 10) };
    stage.play(&mut [&mut one], 2000);
    assert_eq!(stage.level(), Some(10), "before the first sign nothing waits");
    assert_eq!(stage.sources.sync_addresses().collect::<Vec<_>>(), [7]);
    stage.sync(7, 1);
    one.level = 20;
    stage.send(&mut one);
    stage.sync(8, 2);
    stage.sync(7, 1);
    assert_eq!(stage.level(), Some(10), "a foreign sign and an old one are none");
    stage.sync(7, 2);
    assert_eq!(stage.level(), Some(20));
    one.level = 30;
    stage.send(&mut one);
    one.level = 40;
    stage.send(&mut one);
    stage.sync(7, 3);
    assert_eq!(stage.seen, [10, 20, 40], "only the latest look is shown");
    one.sync_address = 0;
    one.level = 50;
    stage.send(&mut one);
    assert_eq!(stage.level(), Some(50));
}

#[test]
fn without_further_signs_the_look_is_held_or_goes_on_as_the_source_says() {
    for force_sync in [false, true] {
        let mut stage = Stage::new();
        let mut one = Desk { sync_address: 7, force_sync, ..desk(1, 100, 10) };
        stage.play(&mut [&mut one], 2000);
        stage.sync(7, 1);
        one.level = 20;
        stage.play(&mut [&mut one], 2500);
        assert_eq!(stage.level(), Some(10));
        stage.play(&mut [&mut one], 200);
        assert_eq!(stage.level(), Some(if force_sync { 20 } else { 10 }));
        stage.sync(7, 2);
        assert_eq!(stage.level(), Some(20));
    }
}

#[test]
fn what_no_source_has_is_held_or_takes_a_level_after_a_time() {
    let after = Duration::from_secs(10);
    for (loss, expected) in [
        (Loss::Hold, vec![9]),
        (Loss::Level(0, Duration::ZERO), vec![9, 0]),
        (Loss::Level(77, after), vec![9, 77]),
    ] {
        let mut stage = Stage::with(Rule::Htp, loss);
        let mut one = desk(1, 100, 9);
        stage.play(&mut [&mut one], 2000);
        stage.terminate(&mut one);
        stage.pass(9_999);
        if loss == Loss::Level(77, after) {
            assert_eq!(stage.seen, [9]);
        }
        stage.pass(1);
        assert_eq!(stage.seen, expected);
        // The same source again: sampled, then as before.
        stage.play(&mut [&mut one], 2000);
        assert_eq!(stage.level(), Some(9));
    }
}

#[test]
fn single_slots_without_a_source_take_the_level_as_well() {
    let mut stage = Stage::with(Rule::Htp, Loss::Level(77, Duration::from_secs(1)));
    let mut one = desk(1, 100, 9);
    stage.play(&mut [&mut one], 2000);
    stage.prioritise(&mut one, &[0, 100, 100, 100]);
    assert_eq!(stage.sources.levels(), [9; 4]);
    stage.play(&mut [&mut one], 1000);
    assert_eq!(stage.sources.levels(), [77, 9, 9, 9]);
    stage.prioritise(&mut one, &[0, 0, 100, 100]);
    stage.play(&mut [&mut one], 900);
    assert_eq!(stage.sources.levels(), [77, 9, 9, 9], "each has its time");
    stage.play(&mut [&mut one], 200);
    assert_eq!(stage.sources.levels(), [77, 77, 9, 9]);
}

#[test]
fn twenty_thousand_sources_are_no_more_than_sixteen() {
    let mut stage = Stage::new();
    let mut one = desk(255, 150, 10);
    stage.play(&mut [&mut one], 2000);
    for number in 0..20_000_u32 {
        let cid = Cid([number.to_be_bytes(); 4].concat().try_into().expect("sixteen bytes"));
        let packet = Data { cid, ..desk(0, 100, 0).packet(&[255; 4]) };
        stage.handle(&packet);
    }
    assert_eq!(stage.sources.all().len(), MAX_SOURCES);
    let mut important = desk(254, 200, 20);
    stage.play(&mut [&mut one, &mut important], 2000);
    assert_eq!(stage.level(), Some(20), "one that matters more makes itself room");
}
