//! The backends of crosspatch, a translator for show control: one module for each protocol.
//!
//! A program passes [`registry()`] to the configuration language, which looks up backends by the names of sections: `[osc tablet]`
//! is an instance of [`osc::BACKEND`]. A backend declares its options and addresses, and creates a
//! [`Session`](crosspatch_core::Session) for each instance. Most backends have a public module `wire`, which is a codec with a
//! text form for tests and recordings:
//!
//! ```
//! use crosspatch_backends::osc::wire::compose;
//!
//! let message = compose("/fader/1 ,f 0.5").expect("the text form of a message");
//! assert_eq!(message, b"/fader/1\0\0\0\0,f\0\0\x3f\0\0\0");
//! ```
//!
//! There is no I/O and no clock here: a session receives bytes, values and the time as arguments, and returns as data which
//! ports to open and which messages to send. A new backend is a folder and two lines in this file. [`recognize`] names the
//! protocol of stray bytes. The private module `shared` has what several backends use.

pub mod artnet;
pub mod gma3sim;
pub mod jack;
pub mod loopback;
pub mod masim;
pub mod maweb;
pub mod midi;
pub mod openpixelcontrol;
pub mod osc;
pub mod recognize;
pub mod rtpmidi;
pub mod sacn;
mod shared;

use crosspatch_core::transform::Family;
use crosspatch_core::{Alias, Backend, Planned, Registry};

/// All backends, by name.
pub const BACKENDS: &[&Backend] = &[
    &artnet::BACKEND,
    &gma3sim::BACKEND,
    &jack::BACKEND,
    &loopback::BACKEND,
    &masim::BACKEND,
    &maweb::BACKEND,
    &midi::BACKEND,
    &openpixelcontrol::BACKEND,
    &osc::BACKEND,
    &rtpmidi::BACKEND,
    &sacn::BACKEND,
];

/// Backends of MIDIMonster that are not built yet, and what to do without them.
pub const PLANNED: &[Planned] = &[
    planned("atem", "Bitfocus Companion controls an ATEM switcher and accepts OSC, which `osc` sends"),
    planned("evdev", "connect the controller by MIDI (`midi`) or OSC (`osc`)"),
    planned("kinet", "send `artnet` or `sacn` to a gateway that converts it to KiNET"),
    planned("lua", SCRIPTS),
    planned("mqtt", "connect the broker to a program that sends and receives OSC, for `osc`"),
    planned("ola", "olad receives what `artnet` and `sacn` send, and sends both itself"),
    planned("python", SCRIPTS),
    planned("visca", "Bitfocus Companion controls cameras with VISCA and accepts OSC, which `osc` sends"),
    planned("wininput", "connect the controller by MIDI (`midi`) or OSC (`osc`)"),
    planned("winmidi", "`midi` serves MIDI devices on Windows, too; write `[midi NAME]`"),
];

const SCRIPTS: &str = "the transforms of mapping lines replace most scripts: `crosspatch help transforms` \
                       lists them, and examples/without-scripts.cfg has one for each common script";

const fn planned(name: &'static str, instead: &'static str) -> Planned {
    Planned { name, instead }
}

/// Names that people write for a backend.
pub const ALIASES: &[Alias] = &[
    alias("artnet", &["art-net", "art_net", "artnet4", "art"], "the backend for Art-Net is called `artnet`"),
    alias(
        "artnet",
        &["dmx", "dmx512", "universe", "dmxnet"],
        "DMX universes are sent over the network, with `artnet` or with `sacn`",
    ),
    alias(
        "sacn",
        &["e131", "e1.31", "e1_31", "e1-31", "acn", "s-acn", "streaming-acn", "streamingacn"],
        "streaming ACN (ANSI E1.31) is the backend `sacn`",
    ),
    alias(
        "maweb",
        &["ma", "ma2", "gma2", "grandma", "grandma2", "dot2", "ma-web", "webremote", "web-remote"],
        "a grandMA2 or dot2 is controlled through its web remote, by `maweb`",
    ),
    alias(
        "osc",
        &["ma3", "gma3", "grandma3", "mathree"],
        "a grandMA3 is controlled by OSC; docs/grandma3.md shows how to set it up",
    ),
    alias(
        "osc",
        &["udp", "tcp", "opensoundcontrol", "open-sound-control", "touchosc", "x32", "qlab", "companion"],
        "messages over UDP and TCP are sent and received as OSC",
    ),
    alias(
        "midi",
        &[
            "alsa",
            "alsamidi",
            "alsa-midi",
            "sequencer",
            "coremidi",
            "core-midi",
            "winmm",
            "usbmidi",
            "usb-midi",
        ],
        "the MIDI devices of every system are the backend `midi`",
    ),
    alias(
        "rtpmidi",
        &["applemidi", "apple-midi", "rtp-midi", "rtp", "netmidi", "networkmidi", "network-midi", "ipmidi"],
        "MIDI over the network, also from Apple's systems, is the backend `rtpmidi`",
    ),
    alias(
        "jack",
        &["jackmidi", "jack-midi", "jack2", "pipewire", "cv"],
        "MIDI and control voltages of audio programs are the backend `jack`, with PipeWire, too",
    ),
    alias(
        "openpixelcontrol",
        &["opc", "openpixel", "open-pixel-control", "fadecandy"],
        "Open Pixel Control is the backend `openpixelcontrol`",
    ),
    alias(
        "loopback",
        &["loop", "internal", "virtual", "dummy"],
        "channels inside the show are the backend `loopback`",
    ),
    alias(
        "masim",
        &["simulator"],
        "a simulated grandMA2 or dot2 is the backend `masim`; `gma3sim` is a grandMA3",
    ),
    no_backend(
        &["serial", "rs232", "rs485", "uart", "dmxusb", "usbdmx", "usb-dmx", "enttec"],
        "no backend uses serial ports; a node for Art-Net or sACN drives DMX lines",
    ),
    no_backend(
        &["web", "http", "https", "rest", "websocket", "ws"],
        "no backend serves web pages or requests them; the web remote of a grandMA2 or dot2 is `maweb`",
    ),
    no_backend(
        &["hid", "keyboard", "gamepad", "joystick", "mouse", "xbox"],
        "no backend reads keyboards, mice or gamepads; connect a controller by MIDI (`midi`) or OSC (`osc`)",
    ),
];

const fn alias(backend: &'static str, names: &'static [&'static str], why: &'static str) -> Alias {
    Alias { names, backend: Some(backend), why }
}

const fn no_backend(names: &'static [&'static str], why: &'static str) -> Alias {
    Alias { names, backend: None, why }
}

/// The registry of a program with all backends and these transforms.
pub const fn registry(families: &'static [&'static Family]) -> Registry {
    Registry { backends: BACKENDS, planned: PLANNED, aliases: ALIASES, families }
}
