//! MIDI Time Code: quarter frames and full frames (MMA RP-004/008).

use std::fmt;

use super::super::wire::U7;

/// A time in frames.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TimeCode {
    /// 0 to 23.
    pub(super) hours: u8,
    /// 0 to 59.
    pub(super) minutes: u8,
    /// 0 to 59.
    pub(super) seconds: u8,
    /// 0 up to what the rate allows.
    pub(super) frames: u8,
    /// The frame rate.
    pub(super) rate: FrameRate,
}

/// Frames a second.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum FrameRate {
    /// 24, film.
    Fps24,
    /// 25, PAL.
    #[default]
    Fps25,
    /// 29.97, NTSC with frame numbers 0 and 1 left out each minute but every tenth.
    Fps30Drop,
    /// 30.
    Fps30,
}

impl FrameRate {
    /// The rate as written in options.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "24" => Self::Fps24,
            "25" => Self::Fps25,
            "29.97" => Self::Fps30Drop,
            "30" => Self::Fps30,
            _ => return None,
        })
    }

    fn of_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Fps24,
            1 => Self::Fps25,
            2 => Self::Fps30Drop,
            _ => Self::Fps30,
        }
    }

    fn bits(self) -> u8 {
        match self {
            Self::Fps24 => 0,
            Self::Fps25 => 1,
            Self::Fps30Drop => 2,
            Self::Fps30 => 3,
        }
    }

    /// The number of frame numbers per second.
    pub fn frames(self) -> u8 {
        match self {
            Self::Fps24 => 24,
            Self::Fps25 => 25,
            Self::Fps30Drop | Self::Fps30 => 30,
        }
    }
}

impl TimeCode {
    /// Reads `hh:mm:ss:ff`.
    pub(super) fn parse(text: &str, rate: FrameRate) -> Option<Self> {
        let mut numbers = text.split([':', ';', '.']).map(|digits| {
            let is_plain =
                (1..=2).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
            digits.parse::<u8>().ok().filter(|_| is_plain)
        });
        let mut next = || numbers.next().flatten();
        let (hours, minutes, seconds, frames) = (next()?, next()?, next()?, next()?);
        Self { hours, minutes, seconds, frames, rate }.checked().filter(|_| numbers.next().is_none())
    }

    /// Reads the data of a full frame message, between `F0` and `F7`.
    pub(super) fn decode(data: &[u8]) -> Option<Self> {
        let &[0x7f, _, 0x01, 0x01, hours, minutes, seconds, frames] = data else { return None };
        let rate = FrameRate::of_bits(hours >> 5);
        Self { hours: hours & 0x1f, minutes, seconds, frames, rate }.checked()
    }

    /// The data of a full frame message for all devices, between `F0` and `F7`.
    pub(super) fn encode(self) -> [u8; 8] {
        let hours = self.rate.bits() << 5 | self.hours;
        [0x7f, 0x7f, 0x01, 0x01, hours, self.minutes, self.seconds, self.frames]
    }

    fn checked(self) -> Option<Self> {
        let is_time = self.hours < 24 && self.minutes < 60 && self.seconds < 60;
        (is_time && self.frames < self.rate.frames()).then_some(self)
    }

    /// The frame after this one.
    fn next(mut self) -> Self {
        let carry = |number: &mut u8, most: u8| {
            *number = (*number + 1) % most;
            *number == 0
        };
        if carry(&mut self.frames, self.rate.frames()) && carry(&mut self.seconds, 60) {
            if carry(&mut self.minutes, 60) {
                carry(&mut self.hours, 24);
            }
            if self.rate == FrameRate::Fps30Drop && !self.minutes.is_multiple_of(10) {
                self.frames = 2;
            }
        }
        self
    }
}

/// `hh:mm:ss:ff`.
impl fmt::Display for TimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}:{:02}", self.hours, self.minutes, self.seconds, self.frames)
    }
}

/// Assembles quarter frames: eight of them are a time, and take two frames to arrive.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Pieces {
    pieces: [u8; 8],
    last: Option<u8>,
    /// How many pieces have arrived in sequence, forward or backward.
    forward: u8,
    backward: u8,
}

impl Pieces {
    /// Adds a piece. Returns the time if it is complete: forward, the time at which the last piece was sent.
    pub(super) fn push(&mut self, quarter: U7) -> Option<TimeCode> {
        let (at, nibble) = (quarter.byte() >> 4, quarter.byte() & 0x0f);
        let runs_forward = self.last.is_some_and(|last| (last + 1) % 8 == at);
        let runs_backward = self.last.is_some_and(|last| (at + 1) % 8 == last);
        self.forward = if runs_forward { (self.forward + 1).min(8) } else { 1 };
        self.backward = if runs_backward { (self.backward + 1).min(8) } else { 1 };
        self.last = Some(at);
        self.pieces[usize::from(at)] = nibble;
        let [frame_low, frame_high, second_low, second_high, minute_low, minute_high, hour_low, hour_high] =
            self.pieces;
        let time = TimeCode {
            frames: frame_high << 4 | frame_low,
            seconds: second_high << 4 | second_low,
            minutes: minute_high << 4 | minute_low,
            hours: (hour_high & 1) << 4 | hour_low,
            rate: FrameRate::of_bits(hour_high >> 1),
        };
        match at {
            7 if self.forward == 8 => Some(time.checked()?.next().next()),
            0 if self.backward == 8 => time.checked(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str, rate: FrameRate) -> TimeCode {
        TimeCode::parse(text, rate).expect(text)
    }

    fn quarters(time: TimeCode) -> [U7; 8] {
        let [_, _, _, _, hours, minutes, seconds, frames] = time.encode();
        let halves = [
            frames & 15,
            frames >> 4,
            seconds & 15,
            seconds >> 4,
            minutes & 15,
            minutes >> 4,
            hours & 15,
            hours >> 4,
        ];
        let mut at = 0;
        halves.map(|half| {
            at += 1;
            U7::masked((at - 1) << 4 | u16::from(half))
        })
    }

    #[test]
    fn eight_quarter_frames_make_the_time_two_frames_later() {
        for (sent, rate, shown) in [
            ("10:59:59:23", FrameRate::Fps25, "11:00:00:00"),
            ("23:59:59:29", FrameRate::Fps30, "00:00:00:01"),
            ("00:00:59:29", FrameRate::Fps30Drop, "00:01:00:03"),
            ("00:09:59:28", FrameRate::Fps30Drop, "00:10:00:00"),
            ("01:02:03:04", FrameRate::Fps24, "01:02:03:06"),
        ] {
            let mut pieces = Pieces::default();
            let found: Vec<_> =
                quarters(time(sent, rate)).into_iter().filter_map(|quarter| pieces.push(quarter)).collect();
            assert_eq!(found.iter().map(TimeCode::to_string).collect::<Vec<_>>(), [shown]);
            assert_eq!(found[0].rate, rate);
        }
    }

    #[test]
    fn a_tape_that_runs_backward_or_misses_a_piece_is_understood() {
        let mut pieces = Pieces::default();
        let mut quarters = quarters(time("10:20:30:12", FrameRate::Fps25));
        quarters.reverse();
        let found: Vec<_> = quarters.into_iter().filter_map(|quarter| pieces.push(quarter)).collect();
        assert_eq!(found.iter().map(TimeCode::to_string).collect::<Vec<_>>(), ["10:20:30:12"]);
        quarters.reverse();
        let mut pieces = Pieces::default();
        let missing = quarters.into_iter().enumerate().filter(|(at, _)| *at != 3);
        assert_eq!(missing.filter_map(|(_, quarter)| pieces.push(quarter)).count(), 0);
        assert_eq!(quarters.into_iter().filter_map(|quarter| pieces.push(quarter)).count(), 1);
    }

    #[test]
    fn full_frames_go_both_ways_and_no_time_is_none() {
        let place = time("23:59:58:29", FrameRate::Fps30);
        assert_eq!(place.encode(), [0x7f, 0x7f, 1, 1, 0x77, 59, 58, 29]);
        assert_eq!(TimeCode::decode(&place.encode()), Some(place));
        assert_eq!(TimeCode::decode(&[0x7f, 0x10, 1, 1, 0x21, 60, 0, 0]), None);
        assert_eq!(TimeCode::decode(&[0x7f, 0x10, 1, 1, 0x21, 0, 0, 25]), None);
        for text in
            ["", "1:2:3", "24:00:00:00", "00:60:00:00", "00:00:00:25", "1:2:3:4:5", "+1:2:3:4", "001:2:3:4"]
        {
            assert_eq!(TimeCode::parse(text, FrameRate::Fps25), None, "{text}");
        }
        for quarter in 0..128 {
            Pieces { last: Some(6), forward: 7, pieces: [15; 8], backward: 0 }.push(U7::masked(quarter));
        }
    }
}
