//! Two sessions in one world: a client that connects again and again, and a server that echoes.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crosspatch_core::{
    AddressError, Backend, Connect, Direction, Endpoint, Given, Instance, Kind, Limits, Listen, OptionSpec,
    Options, PlanBuilder, PortSpec, Session, Slot, Status, Udp,
};

const fn backend(
    name: &'static str,
    configure: fn(&mut Options<'_>) -> Option<Arc<dyn Instance>>,
) -> Backend {
    Backend {
        name,
        summary: "",
        manual: "",
        options: &[const { OptionSpec::new("x", "", "", "") }],
        words: &[],
        loops_back: false,
        stands_alone: false,
        configure,
        describe: |bytes, line| line.push_str(&String::from_utf8_lossy(bytes)),
        compose: |line| Some(line.as_bytes().to_vec()),
    }
}

static CLIENT: Backend = backend("client", |_| None);
static SERVER: Backend = backend("server", |_| None);
static DATAGRAMS: Backend = backend("datagrams", |_| None);

macro_rules! instance {
    ($($name:ident),*) => {$(
        impl Instance for $name {
            fn canonical<'a>(&self, address: &'a str, _: Direction) -> Result<Cow<'a, str>, AddressError> {
                Ok(address.into())
            }

            fn kind(&self, _: &str, _: Direction) -> Kind {
                Kind::State
            }

            fn session(&self) -> Box<dyn Session> {
                Box::new($name::default())
            }
        }
    )*};
}
instance!(Client, Server, Datagrams);

/// Connects, sends a greeting, and reconnects a second after it lost the connection.
#[derive(Default)]
struct Client {
    again: Option<Instant>,
}

impl Client {
    fn connect(out: &mut Outbox) {
        let to = Endpoint { host: "10.0.0.1".parse().unwrap_or(crosspatch_core::Host::Any), port: 80 };
        out.open(Port(0), PortSpec::TcpConnect(Connect { to, timeout: Duration::from_secs(3) }));
    }
}

impl Session for Client {
    fn bind(&mut self, _: Slot, _: &str, _: Direction) {}

    fn start(&mut self, _: Instant, out: &mut Outbox) {
        Self::connect(out);
    }

    fn handle_open(&mut self, _: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        out.send(port, peer, |buf| buf.extend(b"hello"));
    }

    fn handle_data(&mut self, _: Instant, _: Port, _: Peer, data: &[u8], out: &mut Outbox) {
        out.emit(Slot(0), &*String::from_utf8_lossy(data));
    }

    fn handle_close(&mut self, now: Instant, _: Port, _: Peer, _: Closed, _: &mut Outbox) {
        self.again = Some(now + Duration::from_secs(1));
    }

    fn handle_timeout(&mut self, _: Instant, out: &mut Outbox) {
        self.again = None;
        Self::connect(out);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.again
    }

    fn status(&self) -> Status {
        Status::default()
    }
}

#[derive(Default)]
struct Server;

impl Session for Server {
    fn bind(&mut self, _: Slot, _: &str, _: Direction) {}

    fn start(&mut self, _: Instant, out: &mut Outbox) {
        let at = Endpoint { host: crosspatch_core::Host::Any, port: 80 };
        let limits = Limits::default();
        out.open(Port(0), PortSpec::TcpListen(Listen { at, limits, ping: None, origins: Arc::default() }));
    }

    fn handle_data(&mut self, _: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        out.send(port, from, |buf| buf.extend_from_slice(data));
    }

    fn handle_values(&mut self, _: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        for number in values.iter().filter_map(|(_, value)| value.as_number()) {
            out.close(Port(0), Peer::Connection((number * 10.0) as u32));
        }
    }

    fn status(&self) -> Status {
        Status::default()
    }
}

/// Sends twenty numbered datagrams to itself.
#[derive(Default)]
struct Datagrams;

impl Session for Datagrams {
    fn bind(&mut self, _: Slot, _: &str, _: Direction) {}

    fn start(&mut self, _: Instant, out: &mut Outbox) {
        let bind = Endpoint { host: "10.0.0.2".parse().unwrap_or(crosspatch_core::Host::Any), port: 9000 };
        out.open(Port(0), PortSpec::Udp(Udp::new(bind)));
    }

    fn handle_open(&mut self, _: Instant, port: Port, _: Peer, out: &mut Outbox) {
        let to = Peer::Address("10.0.0.2:9000".parse().expect("an address"));
        for number in 0..20 {
            out.send(port, to, |buf| buf.push(b'a' + number));
        }
    }

    fn handle_data(&mut self, _: Instant, _: Port, _: Peer, data: &[u8], out: &mut Outbox) {
        out.emit(Slot(0), &*String::from_utf8_lossy(data));
    }

    fn status(&self) -> Status {
        Status::default()
    }
}

fn pair() -> World {
    let mut builder = PlanBuilder::new(None);
    let server = builder.instance("server", &SERVER, Vec::<Given>::new(), Arc::new(Server));
    let client = builder.instance("client", &CLIENT, Vec::<Given>::new(), Arc::new(Client::default()));
    let heard = builder.channel(client, "heard", Direction::Input);
    let kick = builder.channel(server, "kick", Direction::Output);
    builder.route((client, heard), (server, kick));
    World::new(builder.build())
}

#[test]
fn joins_a_client_to_the_server_of_the_same_world() {
    let mut world = pair();
    world.network().set_link(Link { piece: 2, ..Link::default() });
    world.network().reset(Instant::START);
    world.advance(Duration::from_secs(1));
    assert_eq!(
        world.transcript(),
        "+0.000s server opens 0 tcp *:80\n\
         +0.000s client opens 0 tcp to 10.0.0.1:80\n\
         +0.000s server.0 ~ opened client1\n\
         +0.000s client.0 ~ opened\n\
         +0.000s client.0 -> hello\n\
         +0.000s server.0 -> client1 hello\n\
         +0.000s client.heard = \"hello\"\n\
         +0.000s client.0 ~ connection lost\n\
         +0.000s server.0 ~ connection lost client1\n\
         +1.000s client opens 0 tcp to 10.0.0.1:80\n\
         +1.000s server.0 ~ opened client2\n\
         +1.000s client.0 ~ opened\n\
         +1.000s client.0 -> hello\n\
         +1.000s server.0 -> client2 he\n\
         +1.000s server.0 -> client2 ll\n\
         +1.000s server.0 -> client2 o\n\
         +1.000s client.heard = \"he\"\n\
         +1.000s client.heard = \"ll\"\n\
         +1.000s client.heard = \"o\"\n"
    );
}

#[test]
fn whoever_closes_is_not_told_and_the_other_end_is() {
    let mut world = pair();
    world.take_transcript();
    world.put("client.heard", 0.1);
    assert_eq!(
        world.transcript(),
        "+0.000s client.heard = 0.1\n+0.000s server closes 0 client1\n+0.000s client.0 ~ closed by the peer\n"
    );
}

#[test]
fn a_silent_host_times_out_and_a_refusing_one_refuses_until_they_are_back() {
    let mut world = pair();
    world.network().silence("10.0.0.1:80");
    world.closed("client", Port(0), Peer::Only, Closed::TimedOut);
    world.take_transcript();
    world.advance(Duration::from_secs(5));
    world.network().restore("10.0.0.1:80");
    let now = world.now();
    world.network().refuse(now, "10.0.0.1:80");
    world.advance(Duration::from_millis(500));
    world.network().restore("10.0.0.1:80");
    world.advance(Duration::from_secs(2));
    let transcript = world.take_transcript();
    assert!(transcript.contains("+4.000s client.0 ~ no answer in time"), "{transcript}");
    assert!(transcript.contains("+5.000s client opens 0"), "{transcript}");
    assert!(!transcript.contains("+5.000s client.0 ~ opened"), "{transcript}");
}

#[test]
fn jitter_reorders_datagrams_and_loss_loses_some_the_same_way_every_time() {
    let run = || {
        let mut builder = PlanBuilder::new(None);
        let udp = builder.instance("udp", &DATAGRAMS, Vec::new(), Arc::new(Datagrams));
        builder.channel(udp, "heard", Direction::Input);
        let mut world = World::new(Plan::empty());
        world.network().set_link(Link {
            delay: Duration::from_millis(1),
            jitter: Duration::from_millis(9),
            loss_percent: 30,
            piece: 0,
        });
        world.install(builder.build());
        world.advance(Duration::from_secs(1));
        let heard = world.take_transcript();
        heard
            .lines()
            .filter_map(|line| Some(line.split_once(" = \"")?.1.trim_end_matches('"').to_owned()))
            .collect::<String>()
    };
    let heard = run();
    assert!((5..20).contains(&heard.len()), "{heard}");
    assert!(heard.chars().zip(heard.chars().skip(1)).any(|(a, b)| a > b), "{heard}");
    assert_eq!(heard, run());
}

#[test]
fn a_script_keeps_the_input_lines_of_a_transcript() {
    let script = Script::parse(
        "+0.000s desk opens 0 udp 0.0.0.0:8000\n\
         +1.000s desk.0 <- 10.0.0.9:7000 /fader/1 ,f 0.25\n\
         +1.000s desk.0 -> 10.0.0.9:7000 /fader/2 ,f 0.25\n\
         +1.500s ma.0 closed not-websocket-404\n\
         +1.500s ma.1 closed client3 reset\n\
         +1.500s a./x = 0.5\n\
         +2.000250s a./x := 0.5\n\
         +3.000s end\n",
    )
    .expect("a transcript");
    let at = Instant::from_micros;
    let from = Peer::Address("10.0.0.9:7000".parse().expect("an address"));
    assert_eq!(
        script.steps,
        [
            (at(1_000_000), ScriptStep::Received("desk".into(), Port(0), from, "/fader/1 ,f 0.25".into())),
            (at(1_500_000), ScriptStep::Closed("ma".into(), Port(0), Peer::Only, Closed::NotWebSocket(404))),
            (at(1_500_000), ScriptStep::Closed("ma".into(), Port(1), Peer::Connection(3), Closed::Reset)),
            (at(2_000_250), ScriptStep::Put("a./x".into(), Value::number(0.5))),
            (at(3_000_000), ScriptStep::End),
        ]
    );
    assert!(Script::parse("+1.000s ma.0 closed because").is_err());
    assert!(Script::parse("once upon a time").is_err());
}
