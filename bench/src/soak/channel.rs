//! A channel of a soak: the values that the soak sets and receives, and whether the two agree.

use std::time::Duration;

use super::random::Random;

/// Which way the values of a channel go.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Set at the subject, received at a peer.
    Out,
    /// Set at a peer, received at the subject.
    Back,
    /// Through the subject only.
    Here,
}

/// The kinds of controls.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum TestControl {
    /// Moves in walks, with rests between them.
    Fader,
    /// Is pressed and released; both edges count.
    Key,
}

/// The static description of a channel.
#[derive(Clone, Debug)]
pub(super) struct ChannelSpec {
    pub(super) name: String,
    /// The number of its family.
    pub(super) family: usize,
    pub(super) direction: Path,
    pub(super) control: TestControl,
    /// The maximum difference of target and source: half a step of the protocol, and a margin.
    pub(super) tolerance: f64,
    /// The result of the mapping for a value.
    pub(super) expected: fn(f64) -> f64,
    /// Whether each press has to arrive, with its release, while nothing disturbs the way.
    pub(super) keeps_edges: bool,
    /// Whether a fader moves only once in half a minute. A peer that reconnects knows its value only because it was
    /// sent again.
    pub(super) rests: bool,
    /// Whether a key that is not pressed may never have been sent to a show that has just started.
    pub(super) may_be_unsent: bool,
}

/// How many presses were looked at, and how many of them did not come through.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PressCounts {
    pub(super) judged: u64,
    pub(super) lost: u64,
}

/// A channel in motion. All times are since the beginning of the soak.
#[derive(Debug)]
pub(super) struct SoakChannel {
    pub(super) spec: ChannelSpec,
    /// The addresses at which the soak sets and receives the channel.
    pub(super) set: String,
    pub(super) is: String,
    random: Random,
    /// The value set last.
    source: f64,
    /// When the soak moves it next.
    next: Duration,
    /// When the walk of a fader ends.
    rests_at: Duration,
    /// The value received last.
    target: Option<f64>,
    pub(super) sets: u64,
    pub(super) received: u64,
    presses: u64,
    releases: u64,
    /// The press that is being watched.
    watched: Option<Watched>,
    pub(super) edges: PressCounts,
}

/// The counts before a press, and how often its path had been disturbed until then.
#[derive(Copy, Clone, Debug)]
struct Watched {
    presses: u64,
    releases: u64,
    disturbances: u32,
}

impl SoakChannel {
    pub(super) fn new(seed: u64, family: &str, spec: ChannelSpec) -> Self {
        let path = format!("/{family}/{}", spec.name);
        let mut random = Random::new(seed, &path);
        let source = if spec.control == TestControl::Fader { 0.1 + 0.8 * random.unit() } else { 0.0 };
        let next = random.millis(0, 2000);
        Self {
            set: format!("{path}/set"),
            is: format!("{path}/is"),
            source,
            next,
            rests_at: next + random.millis(2000, 5000),
            random,
            target: None,
            sets: 0,
            received: 0,
            presses: 0,
            releases: 0,
            watched: None,
            edges: PressCounts::default(),
            spec,
        }
    }

    /// The value that the soak has set.
    pub(super) fn source(&self) -> f64 {
        self.source
    }

    /// Moves it, if it is due. `calm` is the number of disturbances of its path so far, if it is undisturbed at the
    /// moment.
    pub(super) fn moves(&mut self, now: Duration, calm: Option<u32>) -> bool {
        if now < self.next {
            return false;
        }
        match self.spec.control {
            TestControl::Fader => self.walks(now),
            TestControl::Key => self.is_pressed_or_released(now, calm),
        }
    }

    /// Releases a key that is held. Returns whether there was one.
    pub(super) fn lets_go(&mut self) -> bool {
        let is_held = self.spec.control == TestControl::Key && self.source > 0.0;
        if is_held {
            self.source = 0.0;
        }
        is_held
    }

    /// Records a received value.
    pub(super) fn handle_value(&mut self, value: f64) {
        let was = self.target.unwrap_or(0.0) > 0.5;
        self.target = Some(value);
        self.received += 1;
        match (was, value > 0.5) {
            (false, true) => self.presses += 1,
            (true, false) => self.releases += 1,
            _ => {}
        }
    }

    /// Forgets the received value: the show that sent it has ended.
    pub(super) fn forget(&mut self) {
        self.target = None;
    }

    /// The difference between target and source, if there is one.
    pub(super) fn difference(&self) -> Option<String> {
        let expected = (self.spec.expected)(self.source);
        let is_wrong = match self.target {
            Some(is) => (is - expected).abs() > self.spec.tolerance,
            None => !(self.spec.may_be_unsent && expected == 0.0),
        };
        let is = self.target.map_or("nothing".to_owned(), |is| format!("{is:.4}"));
        is_wrong.then(|| format!("was set to {:.4}; expected {expected:.4}, found {is}", self.source))
    }

    fn walks(&mut self, now: Duration) -> bool {
        if self.spec.rests {
            self.next = now + self.random.millis(20_000, 40_000);
        } else if now >= self.rests_at {
            self.next = now + self.random.millis(300, 3000);
            self.rests_at = self.next + self.random.millis(2000, 5000);
            return false;
        } else {
            // 40 moves a second, like a fader on a tablet. Moves that are late are not made up for.
            self.next = (self.next + Duration::from_millis(25)).max(now);
        }
        let step = 0.005 + 0.045 * self.random.unit();
        let up = self.source + step;
        let down = self.source - step;
        let goes_up = if down < 0.02 { true } else { up <= 0.98 && self.random.next().is_multiple_of(2) };
        self.source = if goes_up { up } else { down };
        true
    }

    fn is_pressed_or_released(&mut self, now: Duration, calm: Option<u32>) -> bool {
        if self.source > 0.0 {
            self.source = 0.0;
            self.next = now + self.random.millis(1500, 4000);
            return true;
        }
        // The last press has had more than a second to come through.
        self.judge(calm);
        self.watched = calm.filter(|_| self.spec.keeps_edges).map(|disturbances| Watched {
            presses: self.presses,
            releases: self.releases,
            disturbances,
        });
        self.source = 1.0;
        self.next = now + self.random.millis(150, 500);
        true
    }

    /// Looks whether the press that was watched has come through, unless something was in its way.
    fn judge(&mut self, calm: Option<u32>) {
        let Some(watched) = self.watched.take().filter(|watched| calm == Some(watched.disturbances)) else {
            return;
        };
        self.edges.judged += 1;
        let came = (self.presses - watched.presses, self.releases - watched.releases);
        self.edges.lost += u64::from(came != (1, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(control: TestControl) -> SoakChannel {
        let spec = ChannelSpec {
            name: "out1".into(),
            family: 0,
            direction: Path::Out,
            control,
            tolerance: 0.01,
            expected: |value| value,
            keeps_edges: true,
            rests: false,
            may_be_unsent: false,
        };
        SoakChannel::new(1, "test", spec)
    }

    #[test]
    fn a_state_that_never_came_and_one_that_is_old_are_differences() {
        let mut fader = channel(TestControl::Fader);
        assert!(fader.difference().unwrap().contains("found nothing"));
        fader.handle_value(fader.source() + 0.005);
        assert_eq!(fader.difference(), None);
        fader.handle_value(fader.source() + 0.02);
        assert!(fader.difference().is_some());
        fader.forget();
        assert!(fader.difference().is_some());
    }

    #[test]
    fn a_fader_walks_within_its_way_and_rests() {
        let mut fader = channel(TestControl::Fader);
        let mut moves = 0;
        for millis in (0..60_000).step_by(5) {
            moves += u32::from(fader.moves(Duration::from_millis(millis), None));
            assert!((0.0..=1.0).contains(&fader.source()));
        }
        assert!((1000..2400).contains(&moves), "{moves} moves");
    }

    /// Presses for half a minute. The presses are received, and their releases are received or lost.
    fn presses(releases_arrive: bool, calm: Option<u32>) -> PressCounts {
        let mut key = channel(TestControl::Key);
        for millis in (0..30_000).step_by(5) {
            if key.moves(Duration::from_millis(millis), calm) && (key.source() > 0.0 || releases_arrive) {
                key.handle_value(key.source());
            }
        }
        key.edges
    }

    #[test]
    fn a_press_without_its_release_is_lost_unless_something_was_in_the_way() {
        let all = presses(true, Some(0));
        assert!(all.judged > 5 && all.lost == 0);
        let none = presses(false, Some(0));
        assert_eq!(none.judged, none.lost);
        assert_eq!(presses(false, None), PressCounts::default());
    }
}
