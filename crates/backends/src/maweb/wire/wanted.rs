//! The parts of a message that are read.

/// Which parts of executors are read. The others stay at their defaults: consoles send far more than most shows use,
/// several times a second.
///
/// Index, width, the text of the kind and whether it runs are always read.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names.
    pub names: bool,
    /// The rows below the header.
    pub cues: bool,
    /// The colour of the frame.
    pub frames: bool,
    /// Faders and keys: levels and lamps.
    pub blocks: bool,
    /// All the rest: the number, the number of the object, other colours, the functions of keys, bottom buttons, and the rows that
    /// executors are drawn in.
    pub rest: bool,
}

impl Wanted {
    /// Everything.
    pub const ALL: Self = Self { names: true, cues: true, frames: true, blocks: true, rest: true };
}
