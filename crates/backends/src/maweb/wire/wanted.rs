//! Selects the parts of a message to read.

/// The parts of executors to read. Other parts keep their defaults: consoles send far more than most shows use, several
/// times per second.
///
/// Index, width, the text of the kind and the running state are always read.
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
    /// All other parts: the number, the number of the object, other colours, the functions of keys, bottom buttons, and
    /// the rows of the layout.
    pub rest: bool,
}

impl Wanted {
    /// All parts.
    pub const ALL: Self = Self { names: true, cues: true, frames: true, blocks: true, rest: true };
}
