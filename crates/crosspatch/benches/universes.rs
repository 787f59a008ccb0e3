//! How many universes one core carries from Art-Net to sACN, all slots changing, beside a bare forwarder in the same run.
//!
//! `cargo bench -p crosspatch --bench universes`. The bare forwarder is a process that receives a datagram of the size of an
//! ArtDmx and sends one of the size of an E1.31 data packet, with single calls and nothing in between. Both get the same
//! packets in turn: at 44 frames a second, and as fast as they pass them on. CPU time is that of the process, user and
//! system, so that it does not matter what else the machine does.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Packets of 512 slots.
const ART_DMX: usize = 18 + 512;
const E131_DATA: usize = 126 + 512;

const FRAMES_A_SECOND: u32 = 44;
const SECONDS: u32 = 3;

/// How many packets may be on their way when they go as fast as they can.
const WINDOW: u32 = 128;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    if let Some(ports) = arguments.next() {
        return forward(&ports, arguments.next().as_deref().unwrap_or_default());
    }
    for universes in [1, 10, 100, 256] {
        let load = Load::new();
        let bare = Subject::bare(&load);
        let at_rate = [load.at_rate(&bare, universes), load.at_full_speed(&bare, universes)];
        drop(bare);
        let ours = Subject::crosspatch(&load, universes);
        let ours = [load.at_rate(&ours, universes), load.at_full_speed(&ours, universes)];
        for ((what, bare), ours) in ["44 frames a second", "full speed"].iter().zip(&at_rate).zip(&ours) {
            let carried = 1e6 / ours.micros / f64::from(FRAMES_A_SECOND);
            write(&format!(
                "{universes:4} universes, {what:18}: {:6.2} us of CPU a packet ({:6.2} bare, ratio {:4.2}), {:6.0} packets a second \
                 ({:6.0} bare), {} lost; a core carries {carried:.0} universes\n",
                ours.micros,
                bare.micros,
                ours.micros / bare.micros,
                ours.rate,
                bare.rate,
                ours.lost,
            ));
        }
    }
}

fn write(text: &str) {
    use std::io::Write as _;
    // Whoever does not read the figures does not want them.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// The bare forwarder, in a process of its own.
fn forward(from: &str, to: &str) {
    let input = UdpSocket::bind(("127.0.0.1", from.parse().expect("a port"))).expect("a free port");
    let output = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let to = ("127.0.0.1", to.parse().expect("a port"));
    let (mut buffer, mut packet) = ([0; 2048], [0; E131_DATA]);
    while let Ok(len) = input.recv(&mut buffer) {
        // The sink looks at the universe and at one slot.
        packet[113..115].copy_from_slice(&[buffer[15], buffer[14]]);
        packet[126] = buffer[len - 512];
        output.send_to(&packet, to).expect("a datagram sent");
    }
}

/// Who is measured.
struct Subject {
    child: Child,
    input: u16,
    folder: tempfile::TempDir,
}

impl Subject {
    fn bare(load: &Load) -> Self {
        let input = free_port();
        let program = std::env::current_exe().expect("a running program has a path");
        let mut command = Command::new(program);
        command.args([input.to_string(), load.port().to_string()]);
        let folder = tempfile::tempdir().expect("a folder");
        Self::start(command, folder, input, load)
    }

    fn crosspatch(load: &Load, universes: u16) -> Self {
        let (input, own) = (free_port(), free_port());
        let mut text =
            format!("[backend artnet]\nbind = 127.0.0.1 {input}\n[backend sacn]\nbind = 127.0.0.1 {own}\n");
        for universe in 0..universes {
            text.push_str(&format!(
                "[artnet in{universe}]\nnet = {}\nuniverse = {}\n\
                 [sacn out{universe}]\nuniverse = {}\npriority = 100\nrealtime = 1\nunicast = 1\ndiscovery = off\ndestination = 127.0.0.1 {}\n\
                 [map]\nin{universe}.{{1..512}} > out{universe}.{{1..512}}\n",
                universe / 256,
                universe % 256,
                universe + 1,
                load.port(),
            ));
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("show.cfg");
        std::fs::write(&file, text).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_crosspatch"));
        command.arg("run").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        Self::start(command, folder, input, load)
    }

    fn start(mut command: Command, folder: tempfile::TempDir, input: u16, load: &Load) -> Self {
        let child = command.stdin(Stdio::null()).spawn().expect("the program starts");
        let subject = Self { child, input, folder };
        // It passes packets on once it runs.
        let start = Instant::now();
        for level in 1_u8.. {
            assert!(start.elapsed() < Duration::from_secs(20), "nothing comes through");
            load.send(&subject, 0, level);
            if load.receive(Duration::from_millis(20)).is_some() {
                break;
            }
        }
        while load.receive(Duration::from_millis(200)).is_some() {}
        subject
    }

    /// User and system time of the process so far.
    fn cpu(&self) -> Duration {
        const TICKS_A_SECOND: u64 = 100;
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs, on Linux");
        let behind_name = stat.rsplit_once(") ").expect("a name in parentheses").1;
        let ticks: u64 =
            behind_name.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(ticks * 1000 / TICKS_A_SECOND)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        debug_assert!(self.folder.path().exists());
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").port()
}

/// Where packets come from, and where they go.
struct Load {
    source: UdpSocket,
    sink: UdpSocket,
}

/// What became of them.
struct Figures {
    /// CPU time of a packet.
    micros: f64,
    /// Packets a second.
    rate: f64,
    lost: u32,
}

impl Load {
    fn new() -> Self {
        let sink = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).expect("a socket");
        sink.set_recv_buffer_size(4 << 20).expect("a buffer");
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        sink.bind(&any.into()).expect("a free port");
        Self { source: UdpSocket::bind("127.0.0.1:0").expect("a socket"), sink: sink.into() }
    }

    fn port(&self) -> u16 {
        self.sink.local_addr().expect("an address").port()
    }

    /// Sends a frame of a universe, all slots at one level.
    fn send(&self, subject: &Subject, universe: u16, level: u8) {
        let mut packet = [level; ART_DMX];
        packet[..14].copy_from_slice(b"Art-Net\0\x00\x50\x00\x0e\x00\x00");
        packet[14..16].copy_from_slice(&universe.to_le_bytes());
        packet[16..18].copy_from_slice(&512_u16.to_be_bytes());
        self.source.send_to(&packet, ("127.0.0.1", subject.input)).expect("a datagram sent");
    }

    /// The first slot of the next packet, if one comes in time.
    fn receive(&self, patience: Duration) -> Option<u8> {
        let mut buffer = [0; 2048];
        self.sink.set_read_timeout(Some(patience)).expect("a time-out");
        loop {
            let len = self.sink.recv(&mut buffer).ok()?;
            if len == E131_DATA {
                return Some(buffer[126]);
            }
        }
    }

    /// Every universe 44 times a second, all at once, as desks do it.
    fn at_rate(&self, subject: &Subject, universes: u16) -> Figures {
        let (start, cpu) = (Instant::now(), subject.cpu());
        let mut arrived = 0;
        let frames = FRAMES_A_SECOND * SECONDS;
        for frame in 0..frames {
            for universe in 0..universes {
                self.send(subject, universe, (frame % 250) as u8 + 1);
                // The other side's buffer holds no more than a few hundred packets.
                if universe % 64 == 63 {
                    arrived += self.drain(Duration::from_micros(100));
                }
            }
            let due = start + Duration::from_secs(1) * (frame + 1) / FRAMES_A_SECOND;
            while Instant::now() < due {
                arrived +=
                    self.drain(due.saturating_duration_since(Instant::now()).max(Duration::from_micros(10)));
            }
        }
        arrived += self.drain(Duration::from_millis(200));
        figures(frames * u32::from(universes), arrived, start.elapsed(), subject.cpu() - cpu)
    }

    /// As many packets as pass, with a window of those that are on their way.
    fn at_full_speed(&self, subject: &Subject, universes: u16) -> Figures {
        let (start, cpu) = (Instant::now(), subject.cpu());
        let (mut sent, mut arrived, mut lost) = (0_u32, 0_u32, 0);
        while start.elapsed() < Duration::from_secs(u64::from(SECONDS)) {
            while sent - arrived - lost < WINDOW {
                let frame = sent / u32::from(universes);
                self.send(subject, (sent % u32::from(universes)) as u16, (frame % 250) as u8 + 1);
                sent += 1;
            }
            match self.receive(Duration::from_millis(100)) {
                Some(_) => arrived += 1,
                None => lost = sent - arrived,
            }
        }
        figures(sent, arrived + self.drain(Duration::from_millis(200)), start.elapsed(), subject.cpu() - cpu)
    }

    /// Counts what arrives until nothing has come for a time.
    fn drain(&self, patience: Duration) -> u32 {
        let deadline = Instant::now() + patience;
        let mut arrived = 0;
        while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
        {
            arrived += u32::from(self.receive(left).is_some());
        }
        arrived
    }
}

fn figures(sent: u32, arrived: u32, took: Duration, cpu: Duration) -> Figures {
    Figures {
        micros: cpu.as_secs_f64() * 1e6 / f64::from(arrived.max(1)),
        rate: f64::from(arrived) / took.as_secs_f64(),
        lost: sent.saturating_sub(arrived),
    }
}
