//! The control calls of `/dev/snd/seq`, as in `<sound/asequencer.h>`: one number and one block of bytes each.
//!
//! Tests replace the kernel at this boundary: the layout of each call is defined here, independent of its receiver.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

use super::event::SequencerAddress;

/// The device.
const PATH: &str = "/dev/snd/seq";

/// `_IOR`, `_IOW` and `_IOWR` of the kind `S`. The number contains the length of the block.
const CLIENT_ID: libc::Ioctl = libc::_IOR::<[u8; 4]>(b'S' as u32, 0x01);
const GET_CLIENT_INFO: libc::Ioctl = libc::_IOWR::<[u8; CLIENT_INFO]>(b'S' as u32, 0x10);
const SET_CLIENT_INFO: libc::Ioctl = libc::_IOW::<[u8; CLIENT_INFO]>(b'S' as u32, 0x11);
const CREATE_PORT: libc::Ioctl = libc::_IOWR::<[u8; PORT_INFO]>(b'S' as u32, 0x20);
const GET_PORT_INFO: libc::Ioctl = libc::_IOWR::<[u8; PORT_INFO]>(b'S' as u32, 0x22);
const SUBSCRIBE_PORT: libc::Ioctl = libc::_IOW::<[u8; SUBSCRIBE]>(b'S' as u32, 0x30);
const UNSUBSCRIBE_PORT: libc::Ioctl = libc::_IOW::<[u8; SUBSCRIBE]>(b'S' as u32, 0x31);
const GET_CLIENT_POOL: libc::Ioctl = libc::_IOWR::<[u8; CLIENT_POOL]>(b'S' as u32, 0x4b);
const SET_CLIENT_POOL: libc::Ioctl = libc::_IOW::<[u8; CLIENT_POOL]>(b'S' as u32, 0x4c);
const QUERY_NEXT_CLIENT: libc::Ioctl = libc::_IOWR::<[u8; CLIENT_INFO]>(b'S' as u32, 0x51);
const QUERY_NEXT_PORT: libc::Ioctl = libc::_IOWR::<[u8; PORT_INFO]>(b'S' as u32, 0x52);

/// `struct snd_seq_client_info`, with the places of its fields.
pub(super) const CLIENT_INFO: usize = 188;
pub(super) const CLIENT: usize = 0;
pub(super) const CLIENT_NAME: usize = 8;
pub(super) const CARD: usize = 124;

/// `struct snd_seq_port_info`; it holds a pointer.
pub(super) const PORT_INFO: usize = 160 + size_of::<usize>();
pub(super) const PORT_ADDRESS: usize = 0;
pub(super) const PORT_NAME: usize = 2;
pub(super) const CAPABILITY: usize = 68;
const PORT_TYPE: usize = 72;
pub(super) const READ_USE: usize = 88;

/// `struct snd_seq_port_subscribe`.
const SUBSCRIBE: usize = 80;

/// `struct snd_seq_client_pool`.
const CLIENT_POOL: usize = 88;
const OUTPUT_POOL: usize = 4;
const INPUT_POOL: usize = 8;

/// How long a name may be, the zero at its end included.
const NAME: usize = 64;

/// How many events may wait on either side, of 2000 that the kernel allows.
const POOL: i32 = 2000;

/// The capabilities of a port (`SNDRV_SEQ_PORT_CAP_*`).
pub(super) mod capability {
    pub(in crate::sequencer) const READ: u32 = 1 << 0;
    pub(in crate::sequencer) const WRITE: u32 = 1 << 1;
    pub(in crate::sequencer) const SUBS_READ: u32 = 1 << 5;
    pub(in crate::sequencer) const SUBS_WRITE: u32 = 1 << 6;
    pub(in crate::sequencer) const NO_EXPORT: u32 = 1 << 7;
}

/// `SNDRV_SEQ_PORT_TYPE_MIDI_GENERIC | SOFTWARE | APPLICATION`.
const TYPE: u32 = 1 << 1 | 1 << 17 | 1 << 20;

/// A client of the sequencer, as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SequencerClient {
    pub(super) number: u8,
    pub(super) name: String,
    /// The sound card that it is a part of.
    pub(super) card: Option<u32>,
}

/// A port of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SequencerPort {
    pub(super) address: SequencerAddress,
    pub(super) name: String,
    pub(super) capability: u32,
    /// The number of subscribers of its output.
    pub(super) listeners: i32,
}

/// The sequencer, or a double of it.
#[derive(Debug)]
pub(super) enum Kernel {
    Device(File),
    #[cfg(test)]
    Double(super::tests::Double),
}

impl Kernel {
    /// Opens the sequencer; that makes a client.
    pub(super) fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(PATH)?;
        Ok(Self::Device(file))
    }

    /// The descriptor to wait on.
    pub(super) fn fd(&self) -> RawFd {
        match self {
            Self::Device(file) => file.as_raw_fd(),
            #[cfg(test)]
            Self::Double(double) => double.fd(),
        }
    }

    /// Reads events.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Device(file) => file.read(buffer),
            #[cfg(test)]
            Self::Double(double) => double.read(buffer),
        }
    }

    /// Writes events; how many bytes of them were taken.
    pub(super) fn write(&mut self, events: &[u8]) -> io::Result<usize> {
        match self {
            Self::Device(file) => file.write(events),
            #[cfg(test)]
            Self::Double(double) => double.write(events),
        }
    }

    /// Our number.
    pub(super) fn client(&self) -> io::Result<u8> {
        let mut block = [0; 4];
        self.control(CLIENT_ID, &mut block)?;
        Ok(block[0])
    }

    /// Names our client and makes its queues long.
    pub(super) fn introduce(&self, client: u8, name: &str) -> io::Result<()> {
        let mut info = [0; CLIENT_INFO];
        put(&mut info, CLIENT, client.into());
        self.control(GET_CLIENT_INFO, &mut info)?;
        put_name(&mut info, CLIENT_NAME, name);
        self.control(SET_CLIENT_INFO, &mut info)?;
        let mut pool = [0; CLIENT_POOL];
        put(&mut pool, CLIENT, client.into());
        self.control(GET_CLIENT_POOL, &mut pool)?;
        put(&mut pool, OUTPUT_POOL, POOL);
        put(&mut pool, INPUT_POOL, POOL);
        self.control(SET_CLIENT_POOL, &mut pool)
    }

    /// Makes a port; its number.
    pub(super) fn create_port(&self, client: u8, name: &str, capability: u32) -> io::Result<u8> {
        let mut info = [0; PORT_INFO];
        info[PORT_ADDRESS] = client;
        put_name(&mut info, PORT_NAME, name);
        put(&mut info, CAPABILITY, capability.cast_signed());
        put(&mut info, PORT_TYPE, TYPE.cast_signed());
        put(&mut info, PORT_TYPE + 4, 16);
        self.control(CREATE_PORT, &mut info)?;
        Ok(info[PORT_ADDRESS + 1])
    }

    /// The properties of a port.
    pub(super) fn port(&self, address: SequencerAddress) -> io::Result<SequencerPort> {
        let mut info = [0; PORT_INFO];
        info[PORT_ADDRESS..][..2].copy_from_slice(&[address.client, address.port]);
        self.control(GET_PORT_INFO, &mut info)?;
        Ok(port(&info))
    }

    /// Joins two ports.
    pub(super) fn subscribe(&self, sender: SequencerAddress, receiver: SequencerAddress) -> io::Result<()> {
        self.control(SUBSCRIBE_PORT, &mut subscription(sender, receiver))
    }

    /// Parts two ports.
    pub(super) fn unsubscribe(&self, sender: SequencerAddress, receiver: SequencerAddress) -> io::Result<()> {
        self.control(UNSUBSCRIBE_PORT, &mut subscription(sender, receiver))
    }

    /// All clients.
    pub(super) fn clients(&self) -> Vec<SequencerClient> {
        let mut info = [0; CLIENT_INFO];
        put(&mut info, CLIENT, -1);
        let mut clients = Vec::new();
        while clients.len() < 256 && self.control(QUERY_NEXT_CLIENT, &mut info).is_ok() {
            let (number, card) = (get(&info, CLIENT), get(&info, CARD));
            let name = name(&info, CLIENT_NAME);
            clients.push(SequencerClient { number: number as u8, name, card: u32::try_from(card).ok() });
        }
        clients
    }

    /// All ports of a client.
    pub(super) fn ports(&self, client: u8) -> Vec<SequencerPort> {
        let mut info = [0; PORT_INFO];
        info[PORT_ADDRESS..][..2].copy_from_slice(&[client, 0xff]);
        let mut ports = Vec::new();
        while ports.len() < 256 && self.control(QUERY_NEXT_PORT, &mut info).is_ok() {
            ports.push(port(&info));
        }
        ports
    }

    #[expect(unsafe_code, reason = "control calls have no safe form")]
    fn control(&self, request: libc::Ioctl, block: &mut [u8]) -> io::Result<()> {
        debug_assert_eq!(
            request as usize >> 16 & 0x1fff,
            block.len(),
            "the number says how long the block is"
        );
        match self {
            Self::Device(file) => {
                // SAFETY: the file is the sequencer, and `block` is as long as the number of the request says, so that the
                // kernel reads and writes nothing else. None of the blocks holds a pointer that the kernel follows.
                let result = unsafe { libc::ioctl(file.as_raw_fd(), request, block.as_mut_ptr()) };
                if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
            }
            #[cfg(test)]
            Self::Double(double) => double.control(request as u8, block),
        }
    }
}

fn subscription(sender: SequencerAddress, receiver: SequencerAddress) -> [u8; SUBSCRIBE] {
    let mut block = [0; SUBSCRIBE];
    block[..4].copy_from_slice(&[sender.client, sender.port, receiver.client, receiver.port]);
    block
}

fn port(info: &[u8]) -> SequencerPort {
    SequencerPort {
        address: SequencerAddress { client: info[PORT_ADDRESS], port: info[PORT_ADDRESS + 1] },
        name: name(info, PORT_NAME),
        capability: get(info, CAPABILITY).cast_unsigned(),
        listeners: get(info, READ_USE),
    }
}

pub(super) fn put(block: &mut [u8], at: usize, number: i32) {
    block[at..at + 4].copy_from_slice(&number.to_ne_bytes());
}

pub(super) fn get(block: &[u8], at: usize) -> i32 {
    block[at..].first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes))
}

/// Writes a name with a zero at its end, cut where a character begins.
pub(super) fn put_name(block: &mut [u8], at: usize, name: &str) {
    let end = (0..NAME).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    block[at..at + NAME].fill(0);
    block[at..at + end].copy_from_slice(&name.as_bytes()[..end]);
}

pub(super) fn name(block: &[u8], at: usize) -> String {
    let name = &block[at..at + NAME];
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME);
    String::from_utf8_lossy(&name[..end]).into_owned()
}
