//! libjack, loaded on first use, with all of its unsafe code.
//!
//! Names and types are those of `jack/jack.h` and `jack/midiport.h`. JACK calls [`process`] in its own thread once per block,
//! which neither waits nor allocates. The callbacks for connections and for the end of the server run in other threads and only
//! set flags.

#![expect(unsafe_code, reason = "the library is called, and calls back, across the interface of C")]

use std::ffi::{CStr, CString, c_char, c_int, c_ulong, c_void};
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crosspatch_core::{Closed, Jack, JackEvent, JackKind, JackPort};
use libloading::Library;

use super::backlog::Backlog;
use super::refusal::refusal;
use super::shared::{PortBuffer, PortState, SharedClient};
use super::voltage::{Gauge, ramp};

/// The names of the library, in the order in which they are tried.
const NAMES: &[&str] = if cfg!(target_os = "macos") {
    &["libjack.0.dylib", "/opt/homebrew/lib/libjack.0.dylib", "/usr/local/lib/libjack.0.dylib"]
} else {
    &["libjack.so.0", "libjack.so"]
};

const MIDI_TYPE: &CStr = c"8 bit raw midi";
const AUDIO_TYPE: &CStr = c"32 bit float mono audio";

/// `JackOptions`.
const NO_START_SERVER: c_int = 0x01;
const SERVER_NAME: c_int = 0x04;

/// `JackPortFlags`.
const IS_INPUT: c_ulong = 0x1;
const IS_OUTPUT: c_ulong = 0x2;

/// `jack_client_t`, `jack_port_t` and the buffer of a port are opaque.
type RawClient = *mut c_void;
type RawPort = *mut c_void;
type Buffer = *mut c_void;

/// `jack_midi_event_t`.
#[repr(C)]
struct MidiEvent {
    time: u32,
    size: usize,
    buffer: *mut u8,
}

type ProcessCallback = unsafe extern "C" fn(u32, *mut c_void) -> c_int;
type ShutdownCallback = unsafe extern "C" fn(*mut c_void);
type ConnectCallback = unsafe extern "C" fn(u32, u32, c_int, *mut c_void);
type XrunCallback = unsafe extern "C" fn(*mut c_void) -> c_int;
type MessageCallback = unsafe extern "C" fn(*const c_char);

/// The functions of the library.
struct Api {
    client_open: unsafe extern "C" fn(*const c_char, c_int, *mut c_int, ...) -> RawClient,
    client_close: unsafe extern "C" fn(RawClient) -> c_int,
    activate: unsafe extern "C" fn(RawClient) -> c_int,
    deactivate: unsafe extern "C" fn(RawClient) -> c_int,
    on_shutdown: unsafe extern "C" fn(RawClient, ShutdownCallback, *mut c_void),
    set_process_callback: unsafe extern "C" fn(RawClient, ProcessCallback, *mut c_void) -> c_int,
    set_port_connect_callback: unsafe extern "C" fn(RawClient, ConnectCallback, *mut c_void) -> c_int,
    set_xrun_callback: unsafe extern "C" fn(RawClient, XrunCallback, *mut c_void) -> c_int,
    port_register: unsafe extern "C" fn(RawClient, *const c_char, *const c_char, c_ulong, c_ulong) -> RawPort,
    port_by_id: unsafe extern "C" fn(RawClient, u32) -> RawPort,
    cycle: CycleApi,
    /// The library itself. It is never unloaded, because its threads may outlive every client.
    _library: Library,
}

/// The functions that are called in the audio cycle.
#[derive(Copy, Clone)]
struct CycleApi {
    port_get_buffer: unsafe extern "C" fn(RawPort, u32) -> Buffer,
    midi_get_event_count: unsafe extern "C" fn(Buffer) -> u32,
    midi_event_get: unsafe extern "C" fn(*mut MidiEvent, Buffer, u32) -> c_int,
    midi_clear_buffer: unsafe extern "C" fn(Buffer),
    midi_event_reserve: unsafe extern "C" fn(Buffer, u32, usize) -> *mut u8,
}

impl Api {
    /// The library, loaded at the first call that finds it.
    fn get() -> Result<&'static Self, Closed> {
        static API: OnceLock<Api> = OnceLock::new();
        match API.get() {
            Some(api) => Ok(api),
            None => Self::load(NAMES).map(|api| API.get_or_init(|| api)),
        }
    }

    fn load(names: &[&str]) -> Result<Self, Closed> {
        let tried = || names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        // SAFETY: the library runs its own initialisation when it is loaded; every JACK program relies on it.
        let library = names.iter().find_map(|name| unsafe { Library::new(*name) }.ok()).ok_or_else(|| {
            Closed::Other(format!("the library of JACK is not installed, looked for {}", tried()).into())
        })?;
        Self::link(library).map_err(|error| {
            Closed::Other(format!("the library of JACK ({}) is of no use: {error}", tried()).into())
        })
    }

    fn link(library: Library) -> Result<Self, libloading::Error> {
        // SAFETY: the types are those of the headers, for all of these names, and have been so in JACK 1, JACK 2 and PipeWire.
        unsafe {
            let set_error_function: unsafe extern "C" fn(MessageCallback) =
                *library.get(b"jack_set_error_function\0")?;
            let set_info_function: unsafe extern "C" fn(MessageCallback) =
                *library.get(b"jack_set_info_function\0")?;
            set_error_function(discard);
            set_info_function(discard);
            Ok(Self {
                client_open: *library.get(b"jack_client_open\0")?,
                client_close: *library.get(b"jack_client_close\0")?,
                activate: *library.get(b"jack_activate\0")?,
                deactivate: *library.get(b"jack_deactivate\0")?,
                on_shutdown: *library.get(b"jack_on_shutdown\0")?,
                set_process_callback: *library.get(b"jack_set_process_callback\0")?,
                set_port_connect_callback: *library.get(b"jack_set_port_connect_callback\0")?,
                set_xrun_callback: *library.get(b"jack_set_xrun_callback\0")?,
                port_register: *library.get(b"jack_port_register\0")?,
                port_by_id: *library.get(b"jack_port_by_id\0")?,
                cycle: CycleApi {
                    port_get_buffer: *library.get(b"jack_port_get_buffer\0")?,
                    midi_get_event_count: *library.get(b"jack_midi_get_event_count\0")?,
                    midi_event_get: *library.get(b"jack_midi_event_get\0")?,
                    midi_clear_buffer: *library.get(b"jack_midi_clear_buffer\0")?,
                    midi_event_reserve: *library.get(b"jack_midi_event_reserve\0")?,
                },
                _library: library,
            })
        }
    }
}

/// Discards messages that the library would print to the terminal. Errors are reported as reasons.
unsafe extern "C" fn discard(_words: *const c_char) {}

/// An open and active client. Only its owner thread uses it.
pub(super) struct ActiveClient {
    api: &'static Api,
    raw: RawClient,
    shared: Arc<SharedClient>,
    /// The arguments of the callbacks. They are freed after the client is closed, when no callback is called any more.
    realtime: *mut Realtime,
    watch: *mut CallbackContext,
}

/// The state that only the audio cycle uses.
struct Realtime {
    api: CycleApi,
    shared: Arc<SharedClient>,
    ports: Box<[RealtimePort]>,
}

struct RealtimePort {
    raw: RawPort,
    /// MIDI input without room yet.
    backlog: Option<Backlog>,
    /// Of an input voltage.
    gauge: Gauge,
    /// The last voltage of the previous block.
    level: f32,
}

/// The argument of the callbacks in other threads.
struct CallbackContext {
    api: &'static Api,
    shared: Arc<SharedClient>,
    raw: RawClient,
    ports: Box<[RawPort]>,
}

impl ActiveClient {
    /// Opens a client with its ports and activates it. Blocks for as long as the server does.
    pub(super) fn open(spec: &Jack, shared: Arc<SharedClient>) -> Result<Self, Closed> {
        let api = Api::get()?;
        let name = c_string(&spec.client)?;
        let server = spec.server.as_deref().map(c_string).transpose()?;
        let mut status: c_int = 0;
        // SAFETY: the names end with a zero and live longer than the call; the server's follows where the options say so.
        let raw = unsafe {
            match &server {
                Some(server) => (api.client_open)(
                    name.as_ptr(),
                    NO_START_SERVER | SERVER_NAME,
                    &raw mut status,
                    server.as_ptr(),
                ),
                None => (api.client_open)(name.as_ptr(), NO_START_SERVER, &raw mut status),
            }
        };
        if raw.is_null() {
            return Err(refusal(status));
        }
        let mut client = Self { api, raw, shared, realtime: ptr::null_mut(), watch: ptr::null_mut() };
        client.activate(spec)?;
        Ok(client)
    }

    /// Registers the ports and the callbacks, and activates the client.
    fn activate(&mut self, spec: &Jack) -> Result<(), Closed> {
        let (api, raw) = (self.api, self.raw);
        let ports: Box<[RawPort]> =
            spec.ports.iter().map(|port| self.register(port)).collect::<Result<_, _>>()?;
        self.realtime = Box::into_raw(Box::new(Realtime::new(api.cycle, self.shared.clone(), &ports)));
        self.watch =
            Box::into_raw(Box::new(CallbackContext { api, shared: self.shared.clone(), raw, ports }));
        // SAFETY: the client is open and not active; both arguments live until it is closed, and each is used by its own
        // callbacks alone.
        let failed = unsafe {
            (api.on_shutdown)(raw, shut_down, self.watch.cast());
            (api.set_process_callback)(raw, process, self.realtime.cast()) != 0
                || (api.set_port_connect_callback)(raw, connected, self.watch.cast()) != 0
                || (api.set_xrun_callback)(raw, missed, self.watch.cast()) != 0
                || (api.activate)(raw) != 0
        };
        if failed {
            Err(Closed::Other("the JACK server did not let the client begin".into()))
        } else {
            Ok(())
        }
    }

    fn register(&self, port: &JackPort) -> Result<RawPort, Closed> {
        let name = c_string(&port.name)?;
        let kind = match port.kind {
            JackKind::Midi => MIDI_TYPE,
            JackKind::Cv { .. } => AUDIO_TYPE,
        };
        let flags = match port.direction {
            crosspatch_core::Direction::Input => IS_INPUT,
            crosspatch_core::Direction::Output => IS_OUTPUT,
        };
        // SAFETY: the client is open, and both names end with a zero and live longer than the call.
        let raw = unsafe { (self.api.port_register)(self.raw, name.as_ptr(), kind.as_ptr(), flags, 0) };
        if raw.is_null() {
            return Err(Closed::Other(format!("the JACK server refused the port `{}`", port.name).into()));
        }
        Ok(raw)
    }
}

impl Drop for ActiveClient {
    fn drop(&mut self) {
        // SAFETY: the client is open, and closed only here. Afterwards its threads have ended, so that nothing uses what the
        // callbacks were given; both come out of a box, or are null.
        unsafe {
            if !self.shared.is_over.load(Ordering::Acquire) {
                (self.api.deactivate)(self.raw);
            }
            (self.api.client_close)(self.raw);
            if !self.realtime.is_null() {
                drop(Box::from_raw(self.realtime));
            }
            if !self.watch.is_null() {
                drop(Box::from_raw(self.watch));
            }
        }
    }
}

impl Realtime {
    fn new(api: CycleApi, shared: Arc<SharedClient>, ports: &[RawPort]) -> Self {
        let each = ports.iter().zip(&shared.ports).map(|(&raw, port)| {
            let step = if let PortBuffer::CvIn(step) = port.line { step } else { 0.0 };
            let backlog = matches!(port.line, PortBuffer::MidiIn).then(Backlog::new);
            RealtimePort { raw, backlog, gauge: Gauge::new(step), level: 0.0 }
        });
        let ports = each.collect();
        Self { api, shared, ports }
    }
}

fn c_string(text: &str) -> Result<CString, Closed> {
    CString::new(text).map_err(|_| Closed::Other(format!("`{text}` cannot be a name of JACK").into()))
}

/// `JackProcessCallback`: called once per block in JACK's own thread.
unsafe extern "C" fn process(frames: u32, argument: *mut c_void) -> c_int {
    // SAFETY: the argument is what `activate` gave, lives until the client is closed, and is used by this callback alone,
    // which JACK never calls twice at a time.
    let realtime = unsafe { &mut *argument.cast::<Realtime>() };
    let Realtime { api, shared, ports } = realtime;
    let mut is_heard = false;
    for ((number, port), state) in (0_u8..=u8::MAX).zip(ports).zip(&shared.ports) {
        // SAFETY: the port belongs to this client, and the buffer is good until the cycle ends.
        let buffer = unsafe { (api.port_get_buffer)(port.raw, frames) };
        if buffer.is_null() {
            continue;
        }
        match &state.line {
            PortBuffer::MidiIn => {
                if let Some(backlog) = &mut port.backlog {
                    is_heard |= read_midi(api, buffer, number, backlog, shared);
                }
            }
            PortBuffer::MidiOut(ring) => {
                write_midi(api, buffer, ring, shared);
                is_heard |= state.take_incoming(|event| shared.push_incoming(number, event));
            }
            PortBuffer::CvIn(_) => {
                // SAFETY: the buffer of an audio port has this many samples, and nothing writes to it during the cycle.
                let samples = unsafe { std::slice::from_raw_parts(buffer.cast::<f32>(), frames as usize) };
                if let Some(voltage) = port.gauge.change(samples)
                    && shared.push_incoming(number, JackEvent::Cv(voltage))
                {
                    port.gauge.mark_reported(voltage);
                    is_heard = true;
                }
            }
            PortBuffer::CvOut(wanted) => {
                // SAFETY: the buffer of an audio port of ours has this many samples, which are ours to write.
                let samples =
                    unsafe { std::slice::from_raw_parts_mut(buffer.cast::<f32>(), frames as usize) };
                let to = f32::from_bits(wanted.load(Ordering::Relaxed));
                ramp(std::mem::replace(&mut port.level, to), to, samples);
            }
        }
    }
    if is_heard {
        shared.wake_loop();
    }
    0
}

/// Passes on the messages of a block, after those that had no room before. Returns whether the loop should be woken.
fn read_midi(
    api: &CycleApi,
    buffer: Buffer,
    number: u8,
    backlog: &mut Backlog,
    shared: &SharedClient,
) -> bool {
    let tell = |message: &[u8]| shared.push_incoming(number, JackEvent::Midi(message));
    let is_late = backlog.drain(tell);
    // SAFETY: the buffer is that of a MIDI port, within its cycle; so it is below.
    let count = unsafe { (api.midi_get_event_count)(buffer) };
    for at in 0..count {
        let mut event = MidiEvent { time: 0, size: 0, buffer: ptr::null_mut() };
        // SAFETY: as above; the event is ours to fill.
        let failed = unsafe { (api.midi_event_get)(&raw mut event, buffer, at) } != 0;
        if failed || event.buffer.is_null() {
            continue;
        }
        // SAFETY: the library guarantees `size` bytes there, valid until the cycle ends.
        let message = unsafe { std::slice::from_raw_parts(event.buffer, event.size) };
        if !backlog.push(message, tell) {
            shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
    is_late || count > 0
}

/// Writes output into a block, as much as it has room for.
fn write_midi(api: &CycleApi, buffer: Buffer, ring: &super::ring::Ring, shared: &SharedClient) {
    // SAFETY: the buffer is that of a MIDI port of ours, within its cycle; so it is below.
    unsafe { (api.midi_clear_buffer)(buffer) };
    let mut is_empty = true;
    while let Some(len) = ring.next_len() {
        // SAFETY: as above.
        let place = unsafe { (api.midi_event_reserve)(buffer, 0, len) };
        match (place.is_null(), is_empty) {
            // SAFETY: the library has reserved `len` bytes for us.
            (false, _) => ring.pop(unsafe { std::slice::from_raw_parts_mut(place, len) }),
            (true, false) => return,
            // A message that does not fit into an empty block never will.
            (true, true) => {
                ring.pop(&mut []);
                shared.unfit.fetch_add(1, Ordering::Relaxed);
                shared.wake_loop();
                continue;
            }
        }
        is_empty = false;
    }
}

/// `JackShutdownCallback`: the server has closed.
unsafe extern "C" fn shut_down(argument: *mut c_void) {
    // SAFETY: the argument is what `activate` gave, and lives until the client is closed.
    let watch = unsafe { &*argument.cast::<CallbackContext>() };
    watch.shared.is_over.store(true, Ordering::Release);
    watch.shared.wake_loop();
}

/// `JackXRunCallback`: a block was missed. Listeners may not have received its output.
unsafe extern "C" fn missed(argument: *mut c_void) -> c_int {
    // SAFETY: the argument is what `activate` gave, and lives until the client is closed.
    let watch = unsafe { &*argument.cast::<CallbackContext>() };
    let outputs = watch.shared.ports.iter().filter(|state| matches!(state.line, PortBuffer::MidiOut(_)));
    outputs.for_each(PortState::has_missed);
    0
}

/// `JackPortConnectCallback`: two ports of the server were connected or disconnected.
unsafe extern "C" fn connected(a: u32, b: u32, connect: c_int, argument: *mut c_void) {
    // SAFETY: the argument is what `activate` gave, and lives until the client is closed.
    let watch = unsafe { &*argument.cast::<CallbackContext>() };
    if connect == 0 {
        return;
    }
    for id in [a, b] {
        // SAFETY: the client is open while its callbacks are called.
        let raw = unsafe { (watch.api.port_by_id)(watch.raw, id) };
        let ours = watch.ports.iter().zip(&watch.shared.ports).find(|(port, _)| **port == raw);
        if let Some((_, state)) = ours
            && matches!(state.line, PortBuffer::MidiOut(_))
        {
            state.has_joined();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use crosspatch_core::Direction;
    use mio::unix::pipe;

    use super::super::ring::Ring;
    use super::*;

    /// A test double of the library's MIDI buffer: a port is its own buffer.
    #[derive(Default)]
    struct Midi {
        events: Vec<Vec<u8>>,
        written: Vec<Vec<u8>>,
        room: usize,
    }

    unsafe extern "C" fn port_get_buffer(port: RawPort, _frames: u32) -> Buffer {
        port
    }

    unsafe extern "C" fn midi_get_event_count(buffer: Buffer) -> u32 {
        // SAFETY: the tests only pass a `Midi`, here and below.
        unsafe { (*buffer.cast::<Midi>()).events.len() as u32 }
    }

    unsafe extern "C" fn midi_event_get(event: *mut MidiEvent, buffer: Buffer, at: u32) -> c_int {
        // SAFETY: as above; the event is the caller's.
        unsafe {
            let bytes = &mut (&mut (*buffer.cast::<Midi>()).events)[at as usize];
            *event = MidiEvent { time: 0, size: bytes.len(), buffer: bytes.as_mut_ptr() };
        }
        0
    }

    unsafe extern "C" fn midi_clear_buffer(buffer: Buffer) {
        // SAFETY: as above.
        unsafe { (*buffer.cast::<Midi>()).written = Vec::new() };
    }

    unsafe extern "C" fn midi_event_reserve(buffer: Buffer, _time: u32, len: usize) -> *mut u8 {
        // SAFETY: as above.
        let midi = unsafe { &mut *buffer.cast::<Midi>() };
        let used = midi.written.iter().map(Vec::len).sum::<usize>();
        if used + len > midi.room {
            return ptr::null_mut();
        }
        midi.written.push(vec![0; len]);
        midi.written.last_mut().map_or(ptr::null_mut(), |event| event.as_mut_ptr())
    }

    const DOUBLE: CycleApi = CycleApi {
        port_get_buffer,
        midi_get_event_count,
        midi_event_get,
        midi_clear_buffer,
        midi_event_reserve,
    };

    /// A client with one port.
    fn shared(kind: JackKind, direction: Direction) -> Arc<SharedClient> {
        let ports = vec![JackPort { name: "port".to_owned(), kind, direction }];
        let (bell, _) = pipe::new().expect("a pipe");
        Arc::new(SharedClient::new(&Jack { client: "test".to_owned(), server: None, ports }, bell))
    }

    /// Processes one block of a port that is its own buffer.
    fn block<T>(realtime: &mut Realtime, port: &mut T, frames: u32) {
        realtime.ports[0].raw = ptr::from_mut(port).cast();
        // SAFETY: the argument is what the callback expects, and the port is what the double expects.
        assert_eq!(unsafe { process(frames, ptr::from_mut(realtime).cast()) }, 0);
    }

    fn realtime(shared: &Arc<SharedClient>) -> Realtime {
        Realtime::new(DOUBLE, shared.clone(), &[ptr::null_mut()])
    }

    fn popped(ring: &Ring) -> Option<Vec<u8>> {
        let mut bytes = vec![0; ring.next_len()?];
        ring.pop(&mut bytes);
        Some(bytes)
    }

    #[test]
    fn messages_of_a_block_come_in_in_order_and_are_counted_when_they_have_no_room() {
        let shared = shared(JackKind::Midi, Direction::Input);
        let mut realtime = realtime(&shared);
        let events = vec![vec![0xb0, 7, 1], vec![], vec![0xf8]];
        block(&mut realtime, &mut Midi { events, ..Midi::default() }, 64);
        assert_eq!(popped(&shared.incoming), Some(vec![0, 0, 0xb0, 7, 1]));
        assert_eq!(popped(&shared.incoming), Some(vec![0, 0]));
        assert_eq!(popped(&shared.incoming), Some(vec![0, 0, 0xf8]));
        let events = vec![vec![0xf0; 40_000]; 3];
        block(&mut realtime, &mut Midi { events, ..Midi::default() }, 64);
        assert_eq!(shared.lost.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_flood_that_nobody_takes_ends_with_the_last_level_and_both_edges_of_a_button() {
        let shared = shared(JackKind::Midi, Direction::Input);
        let mut realtime = realtime(&shared);
        for round in 0..400 {
            let events = (0..100).map(|step| vec![0xb0, 7, 1 + (round + step) as u8 % 126]).collect();
            block(&mut realtime, &mut Midi { events, ..Midi::default() }, 64);
        }
        let events = vec![vec![0x90, 60, 100], vec![0xb0, 7, 127], vec![0x90, 60, 0]];
        block(&mut realtime, &mut Midi { events, ..Midi::default() }, 64);
        assert!(shared.lost.load(Ordering::Relaxed) > 1000);
        while popped(&shared.incoming).is_some() {}
        block(&mut realtime, &mut Midi::default(), 64);
        for message in [[0xb0, 7, 127], [0x90, 60, 100], [0x90, 60, 0]] {
            let expected = [&[0, 0][..], &message].concat();
            assert_eq!(popped(&shared.incoming), Some(expected));
        }
        assert_eq!(popped(&shared.incoming), None);
    }

    #[test]
    fn what_does_not_fit_into_a_block_waits_for_the_next_and_what_never_does_is_counted() {
        let shared = shared(JackKind::Midi, Direction::Output);
        let mut realtime = realtime(&shared);
        let PortBuffer::MidiOut(ring) = &shared.ports[0].line else { panic!("it is a MIDI port") };
        for message in [&[1; 6][..], &[2; 6], &[3; 11], &[4; 2]] {
            assert!(ring.push(&[message]));
        }
        let mut port = Midi { room: 10, ..Midi::default() };
        block(&mut realtime, &mut port, 64);
        assert_eq!(port.written, [[1; 6]]);
        block(&mut realtime, &mut port, 64);
        assert_eq!((&*port.written, shared.unfit.load(Ordering::Relaxed)), (&[vec![2; 6]][..], 0));
        block(&mut realtime, &mut port, 64);
        assert_eq!((&*port.written, shared.unfit.load(Ordering::Relaxed)), (&[vec![4; 2]][..], 1));
        block(&mut realtime, &mut port, 64);
        assert!(port.written.is_empty(), "nothing is played twice");
    }

    #[test]
    fn a_voltage_that_had_no_room_comes_with_a_later_block() {
        let shared = shared(JackKind::Cv { step_millionths: 100_000 }, Direction::Input);
        let mut realtime = realtime(&shared);
        while shared.push_incoming(9, JackEvent::Midi(&[0xf8; 9])) {}
        block(&mut realtime, &mut [0.5_f32; 64], 64);
        while popped(&shared.incoming).is_some() {}
        block(&mut realtime, &mut [0.5_f32; 64], 64);
        let mut expected = Vec::new();
        JackEvent::Cv(0.5).encode(0, &mut expected);
        assert_eq!(popped(&shared.incoming), Some(expected));
        block(&mut realtime, &mut [0.5_f32; 64], 64);
        assert_eq!(popped(&shared.incoming), None, "it is told once");
    }

    #[test]
    fn a_voltage_goes_straight_to_its_level_and_stays_there() {
        let shared = shared(JackKind::Cv { step_millionths: 0 }, Direction::Output);
        let mut realtime = realtime(&shared);
        let PortBuffer::CvOut(wanted) = &shared.ports[0].line else { panic!("it is a voltage") };
        let set = |wanted: &AtomicU32, voltage: f32| wanted.store(voltage.to_bits(), Ordering::Relaxed);
        let mut samples = [9.0_f32; 4];
        set(wanted, 1.0);
        block(&mut realtime, &mut samples, 4);
        assert_eq!(samples, [0.25, 0.5, 0.75, 1.0]);
        block(&mut realtime, &mut samples, 4);
        assert_eq!(samples, [1.0; 4]);
        set(wanted, -1.0);
        block(&mut realtime, &mut samples, 4);
        assert_eq!(samples, [0.5, 0.0, -0.5, -1.0]);
    }

    #[test]
    fn a_missing_library_is_reported_with_all_names_that_were_tried() {
        let reason = Api::load(&["libnone-of-these.so.7", "libnor-this.so"]).err();
        let text =
            "the library of JACK is not installed, looked for `libnone-of-these.so.7`, `libnor-this.so`";
        assert_eq!(reason, Some(Closed::Other(text.into())));
    }
}
