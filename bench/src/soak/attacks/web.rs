//! Attacks on the simulated console, as its remotes.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use socket2::SockRef;
use tungstenite::{Message, WebSocket};

use super::super::fuzz_traffic::connect;
use super::super::link::decode;
use super::Adversary;

/// How long the console may take to report that a key was pressed or released; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(3);

/// The password that the console has, and one that it does not have, as they are sent.
const RIGHT: &str = "2807623134739142b119aff358f8a219";
const WRONG: &str = "00000000000000000000000000000000";

/// Provokes pongs, which are never read.
pub(super) fn pings(adversary: &mut Adversary) -> Result<()> {
    let mut remotes: Vec<WebSocket<TcpStream>> = Vec::new();
    while adversary.goes_on() {
        if remotes.len() < 4 {
            // It may be refused: the previous connections may still exist.
            remotes.extend(remote(adversary).ok());
        }
        // One that was cut off is replaced.
        remotes.retain_mut(|remote| {
            (0..200).all(|_| remote.write(Message::Ping(vec![b'x'; 125].into())).is_ok())
                && remote.flush().is_ok()
        });
    }
    Ok(())
}

/// Guesses passwords, many on a connection, without waiting for an answer.
pub(super) fn failed_log_ins(adversary: &mut Adversary) -> Result<()> {
    while adversary.goes_on() {
        let Ok(mut remote) = remote(adversary) else { continue };
        let _ = say(&mut remote, r#"{"session":0}"#);
        for session in 1..20 {
            if !adversary.goes_on() || say(&mut remote, &log_in(WRONG, session)).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Holds a key and disconnects without a goodbye: the key has to be released.
pub(super) fn dies_with_a_key(adversary: &mut Adversary) -> Result<()> {
    while adversary.goes_on() {
        let mut remote = remote(adversary)?;
        say(&mut remote, r#"{"session":0}"#)?;
        let session = loop {
            let answer =
                remote.read().context("there is no answer")?.into_text().context("the answer is no text")?;
            if let Some((_, rest)) = answer.split_once("\"session\":") {
                let digits = rest.split(|digit: char| !digit.is_ascii_digit()).next().unwrap_or_default();
                break digits.parse::<u32>().context("there is no room for another session")?;
            }
        };
        say(&mut remote, &log_in(RIGHT, session))?;
        let press = format!(
            r#"{{"requestType":"playbacks_userInput","cmdline":"","execIndex":100,"pageIndex":0,"buttonId":0,"pressed":true,"released":false,"type":0,"session":{session}}}"#
        );
        say(&mut remote, &press)?;
        ensure!(shows_state(adversary, 1.0)?, "the key was never pressed");
        // A reset, as when the device is switched off and another one has its address.
        SockRef::from(remote.get_ref())
            .set_linger(Some(Duration::ZERO))
            .context("cannot break a connection")?;
        drop(remote);
        ensure!(shows_state(adversary, 0.0)?, "the key is held although its remote is gone");
        let rests = Duration::from_millis(adversary.random.next() % 200);
        std::thread::sleep(rests);
    }
    Ok(())
}

/// Whether the witness receives this state of the key.
fn shows_state(adversary: &Adversary, state: f32) -> Result<bool> {
    let witness = &adversary.witness;
    let end = Instant::now() + PATIENCE;
    let mut message = [0; 256];
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        witness.set_read_timeout(Some(left)).context("cannot limit the wait of the witness")?;
        let Ok(len) = witness.recv(&mut message) else { continue };
        if decode(&message[..len]).is_some_and(|(_, heard)| heard == state) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn log_in(password: &str, session: u32) -> String {
    format!(r#"{{"requestType":"login","username":"remote","password":"{password}","session":{session}}}"#)
}

fn say(remote: &mut WebSocket<TcpStream>, text: &str) -> Result<()> {
    remote.send(Message::text(text)).context("the console does not take what it is told")
}

/// Connects as a remote does.
pub(super) fn remote(adversary: &Adversary) -> Result<WebSocket<TcpStream>> {
    let stream = connect(adversary.places.remote).context("the console does not take connections")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(Duration::from_millis(500)))?;
    let (remote, _) = tungstenite::client("ws://127.0.0.1/?ma=1", stream)
        .map_err(|error| anyhow::anyhow!("the console does not answer: {error}"))?;
    Ok(remote)
}
