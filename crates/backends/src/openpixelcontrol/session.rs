//! A running instance: passes events to its client or server.

use std::sync::Arc;

use crosspatch_core::{
    Closed, Direction, Instant, Outbox, Peer, Port, Session, Slot, SpannedValues, Status, Value,
};

use super::address::Address;
use super::client::{CLIENT, Client};
use super::options::Config;
use super::server::Server;

/// The running state of an instance.
pub(crate) struct OpenPixelControlSession {
    config: Arc<Config>,
    client: Option<Client>,
    server: Option<Server>,
}

impl OpenPixelControlSession {
    /// The session of the instance `name`.
    pub(crate) fn new(name: &str, config: Arc<Config>) -> Self {
        let client = config.destination.clone().map(|to| Client::new(name, to, config.mode, config.rate));
        let server = config.listen.clone().map(|at| Server::new(name, at, config.mode));
        Self { config, client, server }
    }
}

impl Session for OpenPixelControlSession {
    fn bind(&mut self, slot: Slot, address: &str, direction: Direction) {
        let Ok(address) = Address::parse(address, self.config.mode) else { return };
        match (direction, &mut self.client, &mut self.server) {
            (Direction::Output, Some(client), _) => client.bind(slot, address),
            (Direction::Input, _, Some(server)) => server.bind(slot, address),
            (Direction::Output, None, _) | (Direction::Input, _, None) => {}
        }
    }

    fn unbind(&mut self, slot: Slot, direction: Direction) {
        match (direction, &mut self.client, &mut self.server) {
            (Direction::Output, Some(client), _) => client.unbind(slot),
            (Direction::Input, _, Some(server)) => server.unbind(slot),
            (Direction::Output, None, _) | (Direction::Input, _, None) => {}
        }
    }

    fn start(&mut self, _now: Instant, out: &mut Outbox) {
        if let Some(server) = &mut self.server {
            server.start(out);
        }
        if let Some(client) = &mut self.client {
            client.start(out);
        }
    }

    fn stop(&mut self, now: Instant, out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.finish(now, out);
        }
    }

    fn handle_rebind(&mut self, _now: Instant, out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.handle_rebind();
        }
        if let Some(server) = &mut self.server {
            server.emit_changes(out);
        }
    }

    fn handle_open(&mut self, now: Instant, port: Port, peer: Peer, out: &mut Outbox) {
        match (port, &mut self.client, &mut self.server) {
            (CLIENT, Some(client), _) => client.handle_open(now, out),
            (_, _, Some(server)) => server.handle_open(peer, out),
            _ => {}
        }
    }

    fn handle_data(&mut self, now: Instant, port: Port, from: Peer, data: &[u8], out: &mut Outbox) {
        match (port, &mut self.client, &mut self.server) {
            (CLIENT, Some(client), _) => client.handle_data(now, data, out),
            (_, _, Some(server)) => server.handle_data(now, from, data, out),
            _ => {}
        }
    }

    fn handle_close(&mut self, now: Instant, port: Port, peer: Peer, reason: Closed, out: &mut Outbox) {
        match (port, &mut self.client, &mut self.server) {
            (CLIENT, Some(client), _) => client.handle_close(now, &reason, out),
            (_, _, Some(server)) => server.handle_close(now, peer, &reason, out),
            _ => {}
        }
    }

    fn handle_full(&mut self, now: Instant, _port: Port, _peer: Peer, _out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.handle_full(now);
        }
    }

    fn handle_writable(&mut self, now: Instant, _port: Port, _peer: Peer, out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.handle_writable(now, out);
        }
    }

    fn handle_values(&mut self, now: Instant, values: &[(Slot, Value)], out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.handle_values(now, values, out);
        }
    }

    fn takes_spans(&self) -> bool {
        self.client.is_some()
    }

    fn handle_spans(&mut self, now: Instant, batch: SpannedValues<'_>, out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.handle_spans(now, batch, out);
        }
    }

    fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if let Some(client) = &mut self.client {
            client.handle_timeout(now, out);
        }
        if let Some(server) = &mut self.server {
            server.handle_timeout(now, out);
        }
    }

    fn status(&self) -> Status {
        let mut status = Status::default();
        if let Some(client) = &self.client {
            client.add_status(&mut status);
        }
        if let Some(server) = &self.server {
            server.add_status(&mut status);
        }
        status
    }

    fn next_timeout(&self) -> Option<Instant> {
        let client = self.client.as_ref().and_then(Client::next_timeout);
        client.into_iter().chain(self.server.as_ref().and_then(Server::next_timeout)).min()
    }
}
