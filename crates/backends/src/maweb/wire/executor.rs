//! An executor as described by a console.
//!
//! The parts depend on the executor (faders have blocks, buttons a row of bottom buttons), on whether anything is
//! assigned to it, and on the modes of the request.

use std::borrow::Cow;

use super::json::{JsonReader, Writer};
use super::{Color, ColoredText, DecodeError, PlaybacksFormat};

/// One executor; a wide one occupies as many numbers as its width.
#[derive(Clone, Debug, PartialEq)]
pub struct Executor<'a> {
    /// `i`: the displayed number, black if nothing is assigned, grey if something is, white if the header is coloured.
    pub number: ColoredText<'a>,
    /// `oType`: kind and priority in letters, such as `LT`, ` P`, `  LAS`, `Sp`.
    pub object_type: ColoredText<'a>,
    /// `oI`: the number of the assigned object, such as `3` or `3.1`.
    pub object: ColoredText<'a>,
    /// `tt`: the name.
    pub name: ColoredText<'a>,
    /// `bC`: the background colour of the header.
    pub background: Option<Color>,
    /// `bdC`: the colour of the frame, which the operator chooses (appearance).
    pub frame: Option<Color>,
    /// `cues`: the rows below the header.
    pub cues: CueRows<'a>,
    /// `combinedItems`: the width in executors, at least 1.
    pub width: u32,
    /// `iExec`: the number counted from 0 (executor 101 is 100).
    pub index: u32,
    /// `isRun`, or in the flat dialect whether a row shows a running progress. For a group master, it means that the
    /// level is not full.
    pub is_running: bool,
    /// `executorBlocks`: fader and keys, one block for each executor of the width; empty for button executors.
    pub blocks: Vec<Block<'a>>,
    /// `bottomButtons`: the lower end of a button executor; empty if there is none.
    pub bottom: Vec<BottomButton<'a>>,
}

impl Default for Executor<'_> {
    fn default() -> Self {
        Self {
            number: ColoredText::default(),
            object_type: ColoredText::default(),
            object: ColoredText::default(),
            name: ColoredText::default(),
            background: None,
            frame: None,
            cues: CueRows::default(),
            width: 1,
            index: 0,
            is_running: false,
            blocks: Vec::new(),
            bottom: Vec::new(),
        }
    }
}

impl<'a> Executor<'a> {
    pub(super) fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let mut executor = Self::default();
        let (mut is_run, mut unread_cues) = (None, None);
        let wanted = reader.wanted;
        reader.object(|reader, key| {
            match key {
                "i" if wanted.rest => executor.number = ColoredText::decode(reader)?,
                "oType" => executor.object_type = ColoredText::decode(reader)?,
                "oI" if wanted.rest => executor.object = ColoredText::decode(reader)?,
                "tt" if wanted.names => executor.name = ColoredText::decode(reader)?,
                "bC" if wanted.rest => executor.background = reader.color()?,
                "bdC" if wanted.frames => executor.frame = reader.color()?,
                "cues" if wanted.cues => executor.cues = CueRows::decode(reader)?,
                "cues" => unread_cues = Some(*reader),
                "combinedItems" => executor.width = reader.unsigned()?.unwrap_or(1).max(1),
                "iExec" => executor.index = reader.unsigned()?.unwrap_or(0),
                "isRun" => is_run = reader.boolean()?,
                "executorBlocks" if wanted.blocks => executor.blocks = list(reader, 1, Block::decode)?,
                "bottomButtons" if wanted.rest => {
                    executor.bottom.clear();
                    reader.object(|reader, key| match key {
                        "items" => {
                            executor.bottom = list(reader, 1, BottomButton::decode)?;
                            Ok(())
                        }
                        _ => Ok(()),
                    })?;
                }
                _ => {}
            }
            Ok(())
        })?;
        executor.is_running = match (is_run, unread_cues) {
            (Some(is_run), _) => is_run,
            (None, Some(mut reader)) => CueRows::decode(&mut reader)?.show_progress(),
            (None, None) => executor.cues.show_progress(),
        };
        Ok(executor)
    }

    pub(super) fn encode(&self, dialect: PlaybacksFormat, writer: &mut Writer<'_>) {
        writer.object(|object| {
            for (key, label) in
                [("i", &self.number), ("oType", &self.object_type), ("oI", &self.object), ("tt", &self.name)]
            {
                label.encode(object.key(key));
            }
            object.optional_color("bC", self.background);
            object.optional_color("bdC", self.frame);
            self.cues.encode(object.key("cues"));
            object.key("combinedItems").integer(self.width.into());
            object.key("iExec").integer(self.index.into());
            match dialect {
                PlaybacksFormat::Grouped => object.key("isRun").integer(self.is_running.into()),
                PlaybacksFormat::Flat => {}
            }
            if !self.blocks.is_empty() {
                object.key("executorBlocks").list(|blocks| {
                    self.blocks.iter().for_each(|block| block.encode(blocks.item()));
                });
            }
            if !self.bottom.is_empty() {
                object.key("bottomButtons").object(|bottom| {
                    bottom.key("items").list(|items| {
                        self.bottom.iter().for_each(|button| button.encode(items.item()));
                    });
                });
            }
        });
    }

    /// Whether nothing is assigned, either never or because it was cleared.
    pub fn is_empty(&self) -> bool {
        self.object_type.text.is_empty()
    }

    /// The text of the running row, or else of the first row: a cue, the speed of an effect, the value of a master.
    ///
    /// If a sequence has three rows, the first may be the previous cue.
    pub fn cue(&self) -> Option<&str> {
        let runs = |cue: &&CueRow<'_>| cue.progress_color == Some(Color::RUNNING);
        self.cues.items.iter().find(runs).or(self.cues.items.first()).and_then(|cue| cue.text.as_deref())
    }
}

impl<'a> ColoredText<'a> {
    /// Reads an object with text and colour, or only a text.
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let (mut label, wanted) = (Self::default(), reader.wanted);
        if !reader.is_object() {
            label.text = reader.text()?.unwrap_or_default();
            return Ok(label);
        }
        reader.object(|reader, key| {
            match key {
                "t" => label.text = reader.text()?.unwrap_or_default(),
                "c" if wanted.rest => label.color = reader.color()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(label)
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.key("t").text(&self.text);
            object.optional_color("c", self.color);
        });
    }
}

/// The rows below the header of an executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CueRows<'a> {
    /// `bC`: the background colour, a dark shade of the frame's colour; none if the executor is empty.
    pub background: Option<Color>,
    /// The rows, one or three.
    pub items: Vec<CueRow<'a>>,
}

impl<'a> CueRows<'a> {
    /// Whether a row shows a running progress, the only sign of a running executor in the flat dialect.
    fn show_progress(&self) -> bool {
        self.items.iter().any(|cue| cue.progress_color == Some(Color::RUNNING))
    }

    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let wanted = reader.wanted;
        reader.read(|cues: &mut Self, reader, key| {
            match key {
                "bC" if wanted.rest => cues.background = reader.color()?,
                "items" => cues.items = list(reader, 1, CueRow::decode)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.optional_color("bC", self.background);
            if !self.items.is_empty() {
                object.key("items").list(|items| {
                    self.items.iter().for_each(|cue| cue.encode(items.item()));
                });
            }
        });
    }
}

/// A row: a cue, or a value of an effect or a master.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CueRow<'a> {
    /// `t`: the text; a cue's number takes five places, followed by a blank and the name.
    pub text: Option<Cow<'a, str>>,
    /// `c`: the colour of the text.
    pub color: Option<Color>,
    /// `pgs.v`: the progress of the fade, 0 to 1, if there is one to show.
    pub progress: Option<f64>,
    /// `pgs.bC`: the colour of the progress, [`Color::RUNNING`] while running.
    pub progress_color: Option<Color>,
}

impl<'a> CueRow<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let wanted = reader.wanted;
        reader.read(|cue: &mut Self, reader, key| {
            match key {
                "t" => cue.text = reader.text()?,
                "c" if wanted.rest => cue.color = reader.color()?,
                "pgs" => reader.object(|reader, key| {
                    match key {
                        "v" => cue.progress = reader.number()?,
                        "bC" => cue.progress_color = reader.color()?,
                        _ => {}
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.optional_text("t", self.text.as_deref());
            object.optional_color("c", self.color);
            object.key("pgs").object(|progress| {
                if let Some(value) = self.progress {
                    progress.key("v").decimals(value);
                }
                progress.optional_color("bC", self.progress_color);
            });
        });
    }
}

/// A fader and its three keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block<'a> {
    /// `button1` to `button3`. On a grandMA2 the first is below the fader, the second directly above, the third on top; on
    /// a dot2 the first is the upper one.
    pub buttons: [ExecButton<'a>; 3],
    /// `fader`.
    pub fader: ExecFader<'a>,
}

impl<'a> Block<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        reader.read(|block: &mut Self, reader, key| {
            match key {
                "button1" => block.buttons[0] = ExecButton::decode(reader)?,
                "button2" => block.buttons[1] = ExecButton::decode(reader)?,
                "button3" => block.buttons[2] = ExecButton::decode(reader)?,
                "fader" => block.fader = ExecFader::decode(reader)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        let [first, second, third] = &self.buttons;
        writer.object(|object| {
            first.encode(object.key("button1"));
            second.encode(object.key("button2"));
            self.fader.encode(object.key("fader"));
            third.encode(object.key("button3"));
        });
    }
}

/// A key of an executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecButton<'a> {
    /// `id`: the `buttonId` to press it with.
    pub id: u32,
    /// `t`: its function, such as `Flash`; `Empty` if it has none.
    pub function: Cow<'a, str>,
    /// `s`: whether it is displayed as selected.
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

impl<'a> ExecButton<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let wanted = reader.wanted;
        reader.read(|button: &mut Self, reader, key| {
            match key {
                "id" if wanted.rest => button.id = reader.unsigned()?.unwrap_or(0),
                "t" if wanted.rest => button.function = reader.text()?.unwrap_or_default(),
                "s" => button.is_selected = reader.boolean()?.unwrap_or(false),
                "c" if wanted.rest => button.color = reader.color()?,
                "bdC" if wanted.rest => button.frame = reader.color()?,
                "leftLED" => button.left_led = led(reader)?,
                "rightLED" => button.right_led = led(reader)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.key("id").integer(self.id.into());
            object.key("t").text(&self.function);
            object.key("s").boolean(self.is_selected);
            object.optional_color("c", self.color);
            object.optional_color("bdC", self.frame);
            object.key("leftLED").object(|led| led.optional_color("bC", self.left_led));
            object.key("rightLED").object(|led| led.optional_color("bC", self.right_led));
        });
    }
}

fn led(reader: &mut JsonReader<'_>) -> Result<Option<Color>, DecodeError> {
    reader.read(|color, reader, key| {
        if key == "bC" {
            *color = reader.color()?;
        }
        Ok(())
    })
}

/// A fader of an executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExecFader<'a> {
    /// `bdC`: the colour of the frame; none if nothing was ever assigned.
    pub frame: Option<Color>,
    /// `tt`: its function, such as `Mstr`.
    pub function: Option<Cow<'a, str>>,
    /// `v`: the position, between `min` and `max`.
    pub value: f64,
    /// `vT`: the same as text, such as `03%`.
    pub text: Option<Cow<'a, str>>,
    /// `min`.
    pub min: f64,
    /// `max`; equal to `min` if nothing was ever assigned.
    pub max: f64,
}

impl<'a> ExecFader<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        let wanted = reader.wanted;
        reader.read(|fader: &mut Self, reader, key| {
            match key {
                "bdC" if wanted.rest => fader.frame = reader.color()?,
                "tt" if wanted.rest => fader.function = reader.text()?,
                "v" => fader.value = reader.number()?.unwrap_or(0.0),
                "vT" => fader.text = reader.text()?,
                "min" => fader.min = reader.number()?.unwrap_or(0.0),
                "max" => fader.max = reader.number()?.unwrap_or(0.0),
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            object.optional_color("bdC", self.frame);
            object.optional_text("tt", self.function.as_deref());
            object.key("v").decimals(self.value);
            object.optional_text("vT", self.text.as_deref());
            object.key("min").decimals(self.min);
            object.key("max").decimals(self.max);
        });
    }

    /// The position between both ends, 0 to 1; 0 if both ends are equal.
    pub fn level(&self) -> f64 {
        let span = self.max - self.min;
        if span > 0.0 { ((self.value - self.min) / span).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// The lower end of a button executor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BottomButton<'a> {
    /// `fader.v`: the level of its virtual fader. A macro has no fader, and the fader of a cleared executor has no
    /// level.
    pub fader: Option<f64>,
    /// `fader.bC`: the colour of that fader, if there is one.
    pub fader_color: Option<Color>,
    /// `n`: the function of the button, such as `Toggle`.
    pub function: ColoredText<'a>,
}

impl<'a> BottomButton<'a> {
    fn decode(reader: &mut JsonReader<'a>) -> Result<Self, DecodeError> {
        reader.read(|button: &mut Self, reader, key| {
            match key {
                "fader" => reader.object(|reader, key| {
                    match key {
                        "v" => button.fader = reader.number()?,
                        "bC" => button.fader_color = reader.color()?,
                        _ => {}
                    }
                    Ok(())
                })?,
                "n" => button.function = ColoredText::decode(reader)?,
                _ => {}
            }
            Ok(())
        })
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.object(|object| {
            if self.fader.is_some() || self.fader_color.is_some() {
                object.key("fader").object(|fader| {
                    if let Some(level) = self.fader {
                        fader.key("v").decimals(level);
                    }
                    fader.optional_color("bC", self.fader_color);
                });
            }
            self.function.encode(object.key("n"));
        });
    }
}

/// Reads a list of values of the same type.
pub(super) fn list<'a, T>(
    reader: &mut JsonReader<'a>,
    usual: usize,
    item: impl Fn(&mut JsonReader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut items = Vec::new();
    reader.list(|reader| {
        if items.is_empty() {
            items.reserve_exact(usual);
        }
        items.push(item(reader)?);
        Ok(())
    })?;
    Ok(items)
}
