//! The meaning of each kind of diagnostic and its correction, by id.

/// Every id with its explanation, by name.
pub const EXPLANATIONS: &[(&str, &str)] = &[
    (
        "arrow-in-channel",
        "In `a.x->b.y`, the `-` has no space before it and belongs to the channel: `a.x-`. Write `a.x > b.y`. \
         If the channel really ends in `-` or `=`, put a space before the `>`.",
    ),
    (
        "backend-not-built",
        "The backend exists in MIDIMonster, but not in crosspatch yet. The help of the diagnostic says what to use \
         instead. `--skip-missing` runs the show without its instances and their mappings.",
    ),
    (
        "bar-in-channel",
        "A transform is written after ` | `, with a space on both sides: `a.x | invert > b.y`. Without the spaces, the \
         `|` and what follows belong to the name of the channel.",
    ),
    ("chain-circle", "Named chains use each other in a circle. Remove one of the uses."),
    (
        "chain-depth",
        "Named chains are nested too deeply. Write the stages of the inner ones where they are used.",
    ),
    (
        "chain-empty",
        "A `[chain NAME]` has no stages. Write them after the header: `[chain soft] smooth 80ms`.",
    ),
    (
        "chain-name",
        "The name of a chain is that of a transform, or contains spaces or characters of the language.",
    ),
    (
        "chain-syntax",
        "A `[chain NAME]` contains transforms joined by ` | `, without channels and without `>`.",
    ),
    ("chain-twice", "Two chains have the same name. Rename one of them."),
    ("chain-unused", "No mapping uses the chain. Its name may be misspelt where it was to be used."),
    (
        "channel",
        "The backend does not know the channel, or it cannot be used in this direction. `crosspatch help BACKEND` \
         lists the channels. A channel is written after its instance and a dot: `desk.page1.fader1`.",
    ),
    ("comment", "A comment needs a line of its own that begins with `;`. This one is ignored nevertheless."),
    (
        "comment-in-value",
        "A comment needs a line of its own that begins with `;` or `#`. After a value it is a part of the value, as in \
         MIDIMonster.",
    ),
    ("empty", "The configuration has no instance that can run. Add one: `[BACKEND NAME]`."),
    ("empty-stage", "There is no transform before or after a `|`. Remove the `|`, or write a transform."),
    ("encoding", "The file is not UTF-8 and is read as Latin-1. Save it as UTF-8."),
    ("file", "The configuration cannot be read. The message says why."),
    (
        "include",
        "An included file cannot be read. Its path is relative to the file with the `[include FILE]`.",
    ),
    ("include-circle", "A file includes itself, directly or through others. Remove one of the includes."),
    ("include-count", "The configuration has too many includes."),
    ("include-depth", "Includes are nested too deeply."),
    (
        "instance-name",
        "The name of an instance contains no spaces, no dots and no characters of the language (`<>{}|;`).",
    ),
    ("instance-twice", "Two instances have the same name. Rename one of them, also in its mappings."),
    ("instance-unused", "No mapping uses the instance. It runs, but nothing goes in or out."),
    (
        "mapping-loop",
        "A value that enters these mappings comes back to where it began. It is dropped after a few rounds. Remove one \
         of the lines, unless the loop is intended.",
    ),
    (
        "mapping-self",
        "A channel is mapped to itself: its values are sent back to the device that they come from.",
    ),
    (
        "mapping-skipped",
        "With `--skip-missing`, the mapping is left out because a backend that it needs is missing.",
    ),
    (
        "mapping-syntax",
        "A mapping has two channels and one operator between them: `a.x > b.y`, `a.x < b.y` or `a.x <> b.y`.",
    ),
    ("mapping-twice", "The same mapping is written twice. Once is enough."),
    ("merge-last", "`merge` joins several sources of a target, so it is the last transform of its line."),
    (
        "merge-past",
        "Other lines with this target have `merge`. This line has not, and its values pass at once.",
    ),
    ("merge-rule", "All lines that merge into one target need the same rule, such as `merge htp`."),
    (
        "no-section",
        "A line before the first section belongs to nothing. Write a section such as `[map]` before it.",
    ),
    (
        "option-doubtful",
        "The value is accepted, but perhaps not as intended. The message says how it is read.",
    ),
    (
        "option-file",
        "The file that an option names cannot be read. Its path is relative to the configuration.",
    ),
    (
        "option-missing",
        "The instance needs an option that is not there. `crosspatch help BACKEND` lists all options.",
    ),
    (
        "option-scope",
        "Global options belong in `[backend BACKEND]` and apply to all its instances; others in `[BACKEND NAME]`.",
    ),
    ("option-syntax", "An option is written `name = value`, on a line of its own."),
    ("option-twice", "The option can only be set once. The last value counts."),
    ("option-value", "The value is not one that the option accepts. `crosspatch help BACKEND` has examples."),
    ("override-syntax", "Overrides are `-i INSTANCE.OPTION=VALUE` and `-b BACKEND.OPTION=VALUE`."),
    (
        "override-unused",
        "No instance or backend of the configuration has that name, so the override has no effect.",
    ),
    (
        "port-twice",
        "Two instances use the same port of this machine, and only one of them can open it. Give each a port of its \
         own, or let both devices use one instance.",
    ),
    (
        "quotes",
        "Values and names are written without quotes: `user = tablet`. Quotes round them are a part of the value, as in \
         MIDIMonster.",
    ),
    (
        "range",
        "A range is written `{1..8}` and a list `{red,green}`. Braces do not nest. In quotes, `\\{` is a brace.",
    ),
    (
        "secret-in-process-list",
        "Every user of the machine can read the command line. Put the password into a file that only its owner can \
         read.",
    ),
    ("secret-readable", "Every user of the machine can read the file with the password: `chmod 600 FILE`."),
    (
        "section",
        "Sections are `[BACKEND NAME]`, `[backend BACKEND]`, `[map]`, `[chain NAME]` and `[include FILE]`, each alone \
         on its line.",
    ),
    (
        "size-mismatch",
        "Ranges on both sides of a mapping need the same number of channels, or one side needs exactly one channel.",
    ),
    (
        "text-to-number",
        "The source is a text, such as a name, and the target only takes numbers. Nothing would \
         arrive. `match \"on\"=1 \"off\"=0` translates texts, and `color` reads a component of a colour.",
    ),
    ("too-many", "The line names more channels than are possible. Check the ends of its ranges."),
    ("too-many-stages", "A line has too many transforms, those of its chains included."),
    ("transform", "The arguments of a transform are wrong. `crosspatch help TRANSFORM` explains them."),
    (
        "transform-inverse",
        "With `<>`, values also pass backwards, and this transform cannot be reversed. Write two lines, one with `>` \
         and one with `<`.",
    ),
    ("transform-side", "Transforms follow the channel that they read from: `a.x | invert > b.y`."),
    (
        "unknown-backend",
        "There is no backend of that name. `crosspatch help` lists all backends. `--skip-missing` runs the show \
         without its instances and their mappings.",
    ),
    (
        "unknown-instance",
        "A mapping uses an instance that no section defines. Its name is the part before the first dot: `desk` in \
         `desk.page1.fader1`, from a section such as `[BACKEND desk]`.",
    ),
    (
        "unknown-option",
        "The backend has no option of that name. `crosspatch help BACKEND` lists all options.",
    ),
    (
        "unknown-transform",
        "There is no transform of that name. `crosspatch help transforms` lists all of them.",
    ),
    (
        "web-open",
        "The page would listen on an address of the network without a password, so that everybody there could operate the \
         show. Set `password-file` or `password` in the section `[web]`, or listen on 127.0.0.1 only. The show runs without \
         the page until then.",
    ),
];

/// The explanation of a diagnostic, by its id.
pub fn explanation(id: &str) -> Option<&'static str> {
    EXPLANATIONS.iter().find(|(known, _)| *known == id).map(|(_, text)| *text)
}
