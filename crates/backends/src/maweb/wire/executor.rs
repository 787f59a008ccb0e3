//! An executor as a console describes it.
//!
//! Which parts are there depends on the executor (faders have blocks, buttons a row of bottom buttons), on whether anything
//! is assigned to it, and on the modes of the request.

use std::borrow::Cow;

use super::{Color, Label};

/// One executor; a wide one stands for as many numbers as it is wide.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor<'a> {
    /// `i`: the number as displayed, black when nothing is assigned, grey when something is, white when the header is coloured.
    pub number: Label<'a>,
    /// `oType`: kind and priority in letters, such as `LT`, ` P`, `  LAS`, `Sp`.
    pub object_type: Label<'a>,
    /// `oI`: the number of the assigned object, such as `3` or `3.1`.
    pub object: Label<'a>,
    /// `tt`: the name.
    pub name: Label<'a>,
    /// `bC`: the colour behind the header.
    pub background: Option<Color>,
    /// `bdC`: the colour of the frame, which the operator chooses (appearance).
    pub frame: Option<Color>,
    /// `cues`: the rows below the header.
    pub cues: Cues<'a>,
    /// `combinedItems`: how many executors wide it is, at least 1.
    pub width: u32,
    /// `iExec`: the number counted from 0 (executor 101 is 100).
    pub index: u32,
    /// `isRun`, or in the flat dialect whether the first row shows a running progress. For a group master it means that the
    /// level is not full.
    pub is_running: bool,
    /// `executorBlocks`: fader and keys, one for each executor of the width; empty for button executors.
    pub blocks: Vec<Block<'a>>,
    /// `bottomButtons`: what is drawn at the lower end of a button executor; empty if there is none.
    pub bottom: Vec<BottomButton<'a>>,
}

impl Default for Executor<'_> {
    fn default() -> Self {
        Self {
            number: Label::default(),
            object_type: Label::default(),
            object: Label::default(),
            name: Label::default(),
            background: None,
            frame: None,
            cues: Cues::default(),
            width: 1,
            index: 0,
            is_running: false,
            blocks: Vec::new(),
            bottom: Vec::new(),
        }
    }
}

impl Executor<'_> {
    /// Whether nothing is assigned to it, be it that nothing ever was or that it has been cleared.
    pub fn is_empty(&self) -> bool {
        self.object_type.text.is_empty()
    }

    /// The text of the first row with one: the running or first cue, the speed of an effect, the value of a master.
    pub fn cue(&self) -> Option<&str> {
        self.cues.items.first().and_then(|cue| cue.text.as_deref())
    }
}

/// The rows below the header of an executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cues<'a> {
    /// `bC`: the colour behind them, a dark shade of the frame's; none when the executor is empty.
    pub background: Option<Color>,
    /// The rows, one or three.
    pub items: Vec<Cue<'a>>,
}

/// A row: a cue, or a value of an effect or a master.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cue<'a> {
    /// `t`: the text; a cue's number takes five places, then a blank and the name.
    pub text: Option<Cow<'a, str>>,
    /// `c`: the colour of the text.
    pub color: Option<Color>,
    /// `pgs.v`: how far the fade is, 0 to 1, while there is one to show.
    pub progress: Option<f64>,
    /// `pgs.bC`: the colour of the progress, [`Color::RUNNING`] while running.
    pub progress_color: Option<Color>,
}

/// A fader and its three keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block<'a> {
    /// `button1` to `button3`. On a grandMA2 the first is below the fader, the second directly above, the third on top; on
    /// a dot2 the first is the upper one.
    pub buttons: [ExecButton<'a>; 3],
    /// `fader`.
    pub fader: Fader<'a>,
}

/// A key of an executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecButton<'a> {
    /// `id`: the `buttonId` with which it is pressed.
    pub id: u32,
    /// `t`: its function, such as `Flash`; `Empty` if it has none.
    pub function: Cow<'a, str>,
    /// `s`: whether it is drawn as selected.
    pub is_selected: bool,
    /// `c`: the colour of the text.
    pub color: Option<Color>,
    /// `bdC`: the colour of the frame.
    pub frame: Option<Color>,
    /// `leftLED.bC`: the left lamp of the console's key.
    pub left_led: Option<Color>,
    /// `rightLED.bC`: the right lamp of the console's key.
    pub right_led: Option<Color>,
}

/// A fader of an executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fader<'a> {
    /// `bdC`: the colour of the frame; none where nothing was ever assigned.
    pub frame: Option<Color>,
    /// `tt`: its function, such as `Mstr`.
    pub function: Option<Cow<'a, str>>,
    /// `v`: where it stands, between `min` and `max`.
    pub value: f64,
    /// `vT`: the same as text, such as `03%`.
    pub text: Option<Cow<'a, str>>,
    /// `min`.
    pub min: f64,
    /// `max`; equal to `min` where nothing was ever assigned.
    pub max: f64,
}

impl Fader<'_> {
    /// Where it stands between its ends, 0 to 1; 0 if both ends are the same.
    pub fn level(&self) -> f64 {
        let span = self.max - self.min;
        if span > 0.0 { ((self.value - self.min) / span).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// What is drawn at the lower end of a button executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BottomButton<'a> {
    /// `fader.v`: the level of its virtual fader, if it has one (a macro has none).
    pub fader: Option<f64>,
    /// `fader.bC`: the colour of that fader.
    pub fader_color: Option<Color>,
    /// `n`: the function of the button, such as `Toggle`.
    pub function: Label<'a>,
}
