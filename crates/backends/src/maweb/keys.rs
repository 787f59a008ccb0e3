//! The command keys: their names in the web remote, and the hard keys that Lua can press on a grandMA2.
//!
//! The web names and their edges are those of MA's own page. The hard key numbers are those of `gma.canbus.hardkey`;
//! grandMA2 only. Some keys exist on only one of the two sides.

/// A command key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandKey {
    /// The name in addresses, and in `keyname` requests if there is one.
    pub(crate) name: &'static str,
    /// How the key is sent to the web remote, if the web remote has it.
    pub(crate) web: Option<Web>,
    /// The number for `gma.canbus.hardkey`, if there is one.
    pub(crate) hardkey: Option<u8>,
}

/// How a key is sent to the web remote.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Web {
    /// The edges that are sent.
    pub(crate) edges: KeyEdges,
    /// Whether the key executes the command line at once (`autoSubmit`).
    pub(crate) submits: bool,
}

/// The edges of a key that are sent to the web remote.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyEdges {
    /// Press and release.
    Both,
    /// The press only.
    Press,
    /// The release only. MA's page sends it when the finger is lifted; here it is sent with the press, so that each
    /// press counts, even from a sender without releases.
    Release,
}

impl KeyEdges {
    /// The edge to send for an edge of the key, if any.
    pub(crate) fn sent_for(self, pressed: bool) -> Option<bool> {
        match self {
            Self::Both => Some(pressed),
            Self::Press => pressed.then_some(true),
            Self::Release => pressed.then_some(false),
        }
    }
}

const BOTH: Option<Web> = Some(Web { edges: KeyEdges::Both, submits: false });
const SUBMIT: Option<Web> = Some(Web { edges: KeyEdges::Both, submits: true });
const PRESS_AND_SUBMIT: Option<Web> = Some(Web { edges: KeyEdges::Press, submits: true });
const RELEASE: Option<Web> = Some(Web { edges: KeyEdges::Release, submits: false });

const fn key(name: &'static str, web: Option<Web>, hardkey: u8) -> CommandKey {
    CommandKey { name, web, hardkey: Some(hardkey) }
}

const fn web(name: &'static str, web: Option<Web>) -> CommandKey {
    CommandKey { name, web, hardkey: None }
}

const fn hard(name: &'static str, hardkey: u8) -> CommandKey {
    CommandKey { name, web: None, hardkey: Some(hardkey) }
}

/// The key with different names on the console and on the web page.
const PLEASE: (&str, &str) = ("PLEASE", "ENTER");

/// Every key.
pub(crate) const KEYS: &[CommandKey] = &[
    key("SET", PRESS_AND_SUBMIT, 108),
    key("PREV", RELEASE, 109),
    key("NEXT", RELEASE, 110),
    key("CLEAR", BOTH, 105),
    web("FIXTURE_CHANNEL", BOTH),
    web("FIXTURE_GROUP_PRESET", BOTH),
    web("EXEC_CUE", BOTH),
    web("STORE_UPDATE", BOTH),
    key("OOPS", BOTH, 53),
    key("ESC", BOTH, 54),
    key("0", BOTH, 86),
    key("1", BOTH, 87),
    key("2", BOTH, 88),
    key("3", BOTH, 89),
    key("4", BOTH, 90),
    key("5", BOTH, 91),
    key("6", BOTH, 92),
    key("7", BOTH, 93),
    key("8", BOTH, 94),
    key("9", BOTH, 95),
    key("PUNKT", BOTH, 98),
    key("PLUS", BOTH, 96),
    key("MINUS", BOTH, 97),
    key("THRU", BOTH, 102),
    key("IF", BOTH, 103),
    key("AT", BOTH, 104),
    key("FULL", BOTH, 99),
    key("HIGH", SUBMIT, 100),
    key("ENTER", BOTH, 106),
    key("OFF", BOTH, 43),
    key("ON", BOTH, 46),
    key("ASSIGN", BOTH, 63),
    web("LABEL", BOTH),
    key("COPY", BOTH, 73),
    key("TIME", BOTH, 58),
    key("PAGE", BOTH, 70),
    key("MACRO", BOTH, 71),
    key("DELETE", BOTH, 69),
    key("GOTO", BOTH, 56),
    key("GO_PLUS", BOTH, 11),
    key("GO_MINUS", BOTH, 10),
    key("PAUSE", BOTH, 9),
    key("SELECT", BOTH, 42),
    key("FIXTURE", BOTH, 83),
    key("SEQU", BOTH, 74),
    key("CUE", BOTH, 75),
    key("PRESET", BOTH, 72),
    key("EDIT", BOTH, 55),
    key("UPDATE", BOTH, 57),
    key("EXEC", BOTH, 76),
    key("STORE", BOTH, 59),
    key("GROUP", BOTH, 84),
    web("PROG_ONLY", SUBMIT),
    web("SPECIAL_DIALOGUE", BOTH),
    key("SOLO", SUBMIT, 101),
    web("ODD", BOTH),
    web("EVEN", BOTH),
    web("WINGS", BOTH),
    web("RESET", BOTH),
    key("MA", RELEASE, 68),
    web("layerMode", BOTH),
    web("featureSort", BOTH),
    web("fixtureSort", BOTH),
    web("channelSort", BOTH),
    web("hideName", BOTH),
    hard("CHPGPLUS", 3),
    hard("CHPGMINUS", 4),
    hard("FDPGPLUS", 5),
    hard("FDPGMINUS", 6),
    hard("BTPGPLUS", 7),
    hard("BTPGMINUS", 8),
    hard("X1", 12),
    hard("X2", 13),
    hard("X3", 14),
    hard("X4", 15),
    hard("X5", 16),
    hard("X6", 17),
    hard("X7", 18),
    hard("X8", 19),
    hard("X9", 20),
    hard("X10", 21),
    hard("X11", 22),
    hard("X12", 23),
    hard("X13", 24),
    hard("X14", 25),
    hard("X15", 26),
    hard("X16", 27),
    hard("X17", 28),
    hard("X18", 29),
    hard("X19", 30),
    hard("X20", 31),
    hard("LIST", 32),
    hard("USER1", 33),
    hard("USER2", 34),
    hard("NIPPLE", 40),
    hard("FIX", 41),
    hard("TEMP", 44),
    hard("TOP", 45),
    hard("FASTREVERSE", 47),
    hard("LEARN", 48),
    hard("FASTFORWARD", 49),
    hard("GO_MINUS_SMALL", 50),
    hard("PAUSE_SMALL", 51),
    hard("GO_PLUS_SMALL", 52),
    hard("BLIND", BLIND),
    hard("FREEZE", 61),
    hard("PREVIEW", 62),
    hard("ALIGN", 64),
    hard("BLACKOUT", 65),
    hard("VIEW", 66),
    hard("EFFECT", 67),
    hard("CHANNEL", 82),
    hard("MOVE", 85),
    hard("UP", 107),
    hard("DOWN", 111),
    hard("HELP", 116),
    hard("SETUP", 117),
    // The public table of key codes gives BACKUP the number of SETUP; one of the two may be a slip there.
    hard("BACKUP", 117),
    hard("TOOLS", 119),
    hard("V1", 120),
    hard("V2", 121),
    hard("V3", 122),
    hard("V4", 123),
    hard("V5", 124),
    hard("V6", 125),
    hard("V7", 126),
    hard("V8", 127),
    hard("V9", 128),
    hard("V10", 129),
];

const BLIND: u8 = 60;

/// The key with that name, on either console.
pub(crate) fn find(name: &str) -> Option<&'static CommandKey> {
    let name = if name == PLEASE.0 { PLEASE.1 } else { name };
    KEYS.iter().find(|key| key.name == name)
}

/// The command line that presses or releases a hard key of a grandMA2.
pub(crate) fn hardkey_command(hardkey: u8, pressed: bool) -> String {
    // BLIND only reacts to a press that is marked as held.
    let held = pressed && hardkey == BLIND;
    format!("LUA 'gma.canbus.hardkey({hardkey},{pressed},{held})'")
}

/// The lamps that `getdata` reports.
pub(crate) const LEDS: &[&str] = &[
    "set", "clear", "high", "solo", "off", "on", "assign", "label", "copy", "time", "page", "macro",
    "delete", "goto", "go", "goback", "pause", "select", "fixture", "sequence", "cue", "preset", "edit",
    "update", "exec", "store", "group", "po", "align",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_key_can_be_pressed_somehow() {
        for (at, key) in KEYS.iter().enumerate() {
            assert!(key.web.is_some() || key.hardkey.is_some(), "{}", key.name);
            assert!(KEYS[..at].iter().all(|other| other.name != key.name), "{} is there twice", key.name);
        }
    }

    #[test]
    fn please_is_enter() {
        assert_eq!(find("PLEASE").map(|key| key.name), Some("ENTER"));
        assert_eq!(find("please"), None);
    }

    #[test]
    fn blind_is_held_while_pressed_and_other_keys_are_not() {
        assert_eq!(hardkey_command(60, true), "LUA 'gma.canbus.hardkey(60,true,true)'");
        assert_eq!(hardkey_command(60, false), "LUA 'gma.canbus.hardkey(60,false,false)'");
        assert_eq!(hardkey_command(11, true), "LUA 'gma.canbus.hardkey(11,true,false)'");
    }

    #[test]
    fn the_web_remote_hears_only_the_edges_that_its_own_page_sends() {
        let edges = |name| find(name).and_then(|key| key.web).map(|web| web.edges).expect("a web key");
        assert_eq!([true, false].map(|pressed| edges("SET").sent_for(pressed)), [Some(true), None]);
        assert_eq!([true, false].map(|pressed| edges("MA").sent_for(pressed)), [Some(false), None]);
        assert_eq!([true, false].map(|pressed| edges("STORE").sent_for(pressed)), [Some(true), Some(false)]);
    }
}
