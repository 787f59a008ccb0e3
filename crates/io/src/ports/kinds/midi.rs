//! MIDI ports: one own port for each session, and its links to devices.

use std::cell::RefCell;
use std::io;
use std::rc::{Rc, Weak};

use crosspatch_core::{Closed, Midi, MidiLink, Notice};
use mio::Token;

use super::unsent::{self, RETRY};
use crate::closed;
use crate::ports::Ports;
use crate::ports::kind::{Admission, Context, Opener, Opening, PortKind, Step, Tools};
use crate::runner::{Owner, Runner};
use crate::sequencer::{Sequencer, SequencerInput};

impl Opener for &Midi {
    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        let sequencer = Sequencer::open(self, opening.owner.session);
        let own = sequencer.map(|sequencer| OwnMidiPort(Rc::new(RefCell::new(sequencer))));
        own.and_then(|own| ports.opened(opening, own)).map_err(|error| reason(&error))
    }
}

fn reason(error: &io::Error) -> Closed {
    Sequencer::reason(error).unwrap_or_else(|| closed::reason(error))
}

/// The own port, which other programs see and which devices are connected to.
struct OwnMidiPort(Rc<RefCell<Sequencer>>);

impl PortKind for OwnMidiPort {
    fn register(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.0.borrow_mut().register(&context.tools.registry, context.token)
    }

    fn deregister(&mut self, tools: &mut Tools, _token: Token) -> io::Result<()> {
        let mut sequencer = self.0.borrow_mut();
        sequencer.leave(&mut tools.claims);
        sequencer.deregister(&tools.registry)
    }

    fn step(&mut self, chunk: &mut [u8], runner: &mut Runner<'_>, context: &mut Context<'_>) -> Step {
        let mut sequencer = self.0.borrow_mut();
        match sequencer.next(chunk, &mut context.tools.claims) {
            Ok(Some(SequencerInput::Data(link, bytes))) => {
                return Step::Received(link.unwrap_or(context.token), bytes);
            }
            Ok(Some(SequencerInput::Joined(link))) => return Step::Opened(link),
            Ok(Some(SequencerInput::Gone(link))) => return Step::Gone(link, Closed::Unplugged),
            Ok(Some(SequencerInput::Lost)) => {
                let text = "more came in than could be taken up; some of it is lost";
                runner.notice(Some(context.owner), Notice::warning("lost", text));
                return Step::More(0);
            }
            Ok(None) => {
                let pause = if sequencer.has_unsent() { Some(RETRY) } else { sequencer.look_again_in() };
                context.set_deadline(pause.map(|pause| context.now + pause));
            }
            Err(error) => context.fail(reason(&error)),
        }
        Step::Nothing
    }

    fn handle_writable(&mut self, context: &mut Context<'_>) {
        let mut sequencer = self.0.borrow_mut();
        if sequencer.has_unsent() {
            unsent::handle_retried(sequencer.send_unsent(), context);
        }
    }

    fn handle_deadline(&mut self, context: &mut Context<'_>) {
        self.0.borrow_mut().look_again();
        context.serve_again();
    }

    fn send(&mut self, messages: &[u8], context: &mut Context<'_>) -> Admission {
        let mut sequencer = self.0.borrow_mut();
        let had_unsent = sequencer.has_unsent();
        unsent::handle_sent(sequencer.send(messages), had_unsent, context);
        Admission::Done
    }
}

impl Opener for &MidiLink {
    fn open(&self, opening: &Opening<'_>, ports: &mut Ports) -> Result<(), Closed> {
        ports.set_deadline(opening.token, None);
        let owner = Owner { port: self.own, ..opening.owner };
        let own = ports.table.get(&owner).and_then(|entry| entry.main).ok_or(Closed::NoSuchAddress)?;
        let sequencer = ports.kind_mut::<OwnMidiPort>(own).ok_or(Closed::NoSuchAddress)?.0.clone();
        let link = DevicePort(Rc::downgrade(&sequencer));
        ports.put(opening, link).map_err(|error| reason(&error))?;
        sequencer.borrow_mut().add_link(opening.token, (*self).clone(), &mut ports.tools.claims);
        ports.queue(own, true, false);
        Ok(())
    }
}

/// A device that is, or will be, connected to the own port.
struct DevicePort(Weak<RefCell<Sequencer>>);

impl PortKind for DevicePort {
    fn register(&mut self, _context: &mut Context<'_>) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, tools: &mut Tools, token: Token) -> io::Result<()> {
        if let Some(sequencer) = self.0.upgrade() {
            sequencer.borrow_mut().remove_link(token, &mut tools.claims);
        }
        Ok(())
    }

    fn is_for_session(&self) -> bool {
        false
    }

    /// Data from the device is received through the own port.
    fn step(&mut self, _chunk: &mut [u8], _show: &mut Runner<'_>, _context: &mut Context<'_>) -> Step {
        Step::Nothing
    }
}
