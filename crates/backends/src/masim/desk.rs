//! The simulated console itself: the show, the programmer and the lamps of its command keys.

use std::collections::BTreeMap;

use super::show::Show;

/// A console.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) show: Show,
    pub(super) programmer: Programmer,
    /// The lamps that are toggled by keys of the same name.
    pub(super) is_set: bool,
    pub(super) is_high: bool,
    pub(super) is_solo: bool,
    /// The attributes in the programmer, in per cent.
    pub(super) attributes: BTreeMap<String, f64>,
}

/// The content of the programmer.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Programmer {
    /// Nothing.
    #[default]
    Empty,
    /// A selection of fixtures.
    Selection,
    /// Values of the selected fixtures.
    Values,
}

/// A question that has to be answered before something is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoreQuestion {
    pub(super) title: String,
    pub(super) message: String,
    pub(super) buttons: Vec<(&'static str, i64)>,
    pub(super) place: super::show::ExecutorPosition,
}

/// The numbers of the answers to a [`StoreQuestion`].
pub(super) const OVERWRITE: i64 = 1;
pub(super) const MERGE: i64 = 2;
pub(super) const REMOVE: i64 = 4;
pub(super) const SECOND_CUE: i64 = 6;

impl Desk {
    pub(super) fn new(show: Show) -> Self {
        Self {
            show,
            programmer: Programmer::default(),
            is_set: false,
            is_high: false,
            is_solo: false,
            attributes: BTreeMap::new(),
        }
    }

    /// The clear key: removes the values, then the selection, from the programmer.
    pub(super) fn clear(&mut self) {
        self.programmer = match self.programmer {
            Programmer::Values => Programmer::Selection,
            Programmer::Selection | Programmer::Empty => Programmer::Empty,
        };
        if self.programmer != Programmer::Values {
            self.attributes.clear();
        }
    }

    /// Turns the encoder of an attribute, and returns its value in per cent.
    pub(super) fn turn(&mut self, attribute: &str, delta: f64) -> f64 {
        /// The most attributes in the programmer, more than a fixture has.
        const MOST: usize = 256;
        self.programmer = Programmer::Values;
        let attribute = attribute.to_ascii_uppercase();
        if self.attributes.len() >= MOST && !self.attributes.contains_key(&attribute) {
            return 0.0;
        }
        let value = self.attributes.entry(attribute).or_insert(0.0);
        *value = (*value + delta).clamp(0.0, 100.0);
        *value
    }

    /// The value that `getdata` gives for a name; `command_line` is that of the remote that asks.
    pub(super) fn lamp(&self, name: &str, command_line: &str) -> &'static str {
        let on = |is_on: bool| if is_on { "1" } else { "0" };
        match name {
            "set" => on(self.is_set),
            "high" => on(self.is_high),
            "solo" => on(self.is_solo),
            "clear" => match self.programmer {
                Programmer::Empty => "0",
                Programmer::Selection => "1",
                Programmer::Values => "b",
            },
            _ => {
                let begins =
                    command_line.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
                on(begins && !name.is_empty())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::masim::content;
    use crate::maweb::wire::ConsoleFamily;

    #[test]
    fn the_clear_lamp_blinks_with_values_lights_with_a_selection_and_goes_out() {
        let mut desk = Desk::new(content::show(ConsoleFamily::Gma2));
        assert_eq!(desk.lamp("clear", ""), "0");
        assert_eq!(desk.turn("Pan", 30.0), 30.0);
        assert_eq!(desk.turn("PAN", 90.0), 100.0);
        for lamp in ["b", "1", "0", "0"] {
            assert_eq!(desk.lamp("clear", ""), lamp);
            desk.clear();
        }
        assert!(desk.attributes.is_empty());
    }

    #[test]
    fn the_lamp_of_a_word_is_on_while_the_line_begins_with_it() {
        let desk = Desk::new(content::show(ConsoleFamily::Gma2));
        assert_eq!([desk.lamp("store", "Store Exec "), desk.lamp("delete", "Store ")], ["1", "0"]);
        assert_eq!(
            [desk.lamp("store", ""), desk.lamp("", ""), desk.lamp("\u{e4}\u{f6}", "abc")],
            ["0", "0", "0"]
        );
    }

    #[test]
    fn attributes_do_not_grow_without_end() {
        let mut desk = Desk::new(content::show(ConsoleFamily::Gma2));
        for number in 0..1000 {
            desk.turn(&format!("A{number}"), 1.0);
        }
        assert_eq!(desk.attributes.len(), 256);
    }
}
