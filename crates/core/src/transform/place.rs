//! The position of a mapping in its line.

/// The position of a mapping among those of its line.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct LinePosition {
    /// Its number, counted from 0.
    pub number: u32,
    /// How many there are.
    pub count: u32,
    /// The smaller number of channels of both sides: where a line is layered, how many one layer has.
    pub narrow: u32,
}

impl LinePosition {
    /// The place of a mapping that is alone in its line.
    pub const ONLY: Self = Self { number: 0, count: 1, narrow: 1 };
}
