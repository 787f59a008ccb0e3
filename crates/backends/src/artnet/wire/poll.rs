//! ArtPoll and ArtPollReply: the devices on the network and their universes.

use std::net::Ipv4Addr;

use super::{DecodeError, ID, OP_POLL, OP_POLL_REPLY, PORT, PortAddress, begin};

/// In `port_types`: the device outputs the universe from the network, so it wants ArtDmx.
pub const PORT_OUT: u8 = 0x80;
/// In `port_types`: the device inputs the universe into the network, so it sends ArtDmx.
pub const PORT_IN: u8 = 0x40;
/// In `good_input` and `good_output`: there is data.
pub const DATA_SEEN: u8 = 0x80;
/// In `good_output`: two sources are merged.
pub const MERGING: u8 = 0x08;
/// In `good_output`: the merge rule is LTP, otherwise HTP.
pub const MERGING_LTP: u8 = 0x02;

/// In the flags of ArtPoll: only devices with a universe in the range reply.
const TARGETED: u8 = 0x20;

/// The code of products without an OEM code.
const OEM_UNKNOWN: u16 = 0x00ff;
/// The first of the manufacturer codes that ESTA reserves for prototypes.
pub const ESTA_PROTOTYPE: u16 = 0x7ff0;
/// In `status1`.
const INDICATORS_NORMAL: u8 = 0xc0;
/// In `status1`: universes are set on the device, not over the network.
const SET_ON_THE_DEVICE: u8 = 0x10;
/// In `status2`: universes have 15 bits.
const LONG_PORT_ADDRESSES: u8 = 0x08;

/// The shortest known reply: up to and including the MAC address, without the ID and code.
const SHORTEST_REPLY: usize = 207 - 10;
/// The length of the name fields, including the final NUL.
const SHORT_NAME: usize = 18;
const LONG_NAME: usize = 64;
const NODE_REPORT: usize = 64;
/// The maximum length of a long name in bytes.
pub const LONGEST_NAME: usize = LONG_NAME - 1;

/// Asks devices to reply.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtPoll {
    /// The lowest and the highest universe of the devices that reply; `None` for all devices.
    pub targets: Option<(PortAddress, PortAddress)>,
}

impl ArtPoll {
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let &[flags, _priority, ref rest @ ..] = body else { return Err(DecodeError::TooShort) };
        let targets = match rest.first_chunk::<4>() {
            Some(&[top_net, top, bottom_net, bottom]) if flags & TARGETED != 0 => {
                Some((PortAddress::new(bottom_net, bottom), PortAddress::new(top_net, top)))
            }
            Some(_) | None => None,
        };
        Ok(Self { targets })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        begin(OP_POLL, out);
        match self.targets {
            None => out.extend_from_slice(&[0, 0]),
            Some((low, high)) => {
                out.extend_from_slice(&[TARGETED, 0, high.net(), high.low(), low.net(), low.low()]);
            }
        }
    }

    /// Whether a device with that universe replies.
    pub fn asks(&self, port_address: PortAddress) -> bool {
        self.targets.is_none_or(|(low, high)| (low..=high).contains(&port_address))
    }
}

/// A device's description of itself and up to four of its universes, which share a net and a Sub-Net.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ArtPollReply<'a> {
    /// The address; unspecified if the device does not know it.
    pub ip: Ipv4Addr,
    /// Bits 14 to 8 of its universes.
    pub net_switch: u8,
    /// Bits 7 to 4 of its universes.
    pub sub_switch: u8,
    /// The code of the product, 0x00ff if it has none.
    pub oem: u16,
    /// General status.
    pub status1: u8,
    /// The code of the manufacturer.
    pub esta: u16,
    /// Up to 17 bytes.
    pub short_name: &'a [u8],
    /// Up to 63 bytes.
    pub long_name: &'a [u8],
    /// Up to 63 bytes, `#code [counter] text`.
    pub node_report: &'a [u8],
    /// The number of used entries in the following arrays, 0 to 4.
    pub ports: u8,
    /// [`PORT_OUT`], [`PORT_IN`], and the kind of data: 0 for DMX512.
    pub port_types: [u8; 4],
    /// The state of the device's input universes.
    pub good_input: [u8; 4],
    /// The state of the device's output universes.
    pub good_output: [u8; 4],
    /// Bits 3 to 0 of the device's input universes.
    pub sw_in: [u8; 4],
    /// Bits 3 to 0 of the device's output universes.
    pub sw_out: [u8; 4],
    /// The kind of device: 0 a node, 1 a controller.
    pub style: u8,
    /// The index among several replies from one address, from 1; 0 if there is only one.
    pub bind_index: u8,
    /// Further status; bit 3 is set if universes have 15 bits.
    pub status2: u8,
}

impl<'a> ArtPollReply<'a> {
    /// A reply of this program, without names and universes.
    pub fn plain(ip: Ipv4Addr, bind_index: u8) -> Self {
        Self {
            ip,
            net_switch: 0,
            sub_switch: 0,
            oem: OEM_UNKNOWN,
            status1: INDICATORS_NORMAL | SET_ON_THE_DEVICE,
            esta: ESTA_PROTOTYPE,
            short_name: b"",
            long_name: b"",
            node_report: b"",
            ports: 0,
            port_types: [0; 4],
            good_input: [0; 4],
            good_output: [0; 4],
            sw_in: [0; 4],
            sw_out: [0; 4],
            style: 0,
            bind_index,
            status2: LONG_PORT_ADDRESSES,
        }
    }

    pub(super) fn decode(body: &'a [u8]) -> Result<Self, DecodeError> {
        let Some(fields) = body.first_chunk::<SHORTEST_REPLY>() else { return Err(DecodeError::TooShort) };
        let four = |at: usize| [fields[at], fields[at + 1], fields[at + 2], fields[at + 3]];
        let text = |at: usize, len: usize| text(&body[at..at + len - 1]);
        // Fields from later revisions are zero if the packet ends before them.
        let late = |at: usize| body.get(at).copied().unwrap_or(0);
        Ok(Self {
            ip: four(0).into(),
            net_switch: fields[8],
            sub_switch: fields[9],
            oem: u16::from_be_bytes([fields[10], fields[11]]),
            status1: fields[13],
            esta: u16::from_le_bytes([fields[14], fields[15]]),
            short_name: text(16, SHORT_NAME),
            long_name: text(34, LONG_NAME),
            node_report: text(98, NODE_REPORT),
            ports: fields[163].min(4),
            port_types: four(164),
            good_input: four(168),
            good_output: four(172),
            sw_in: four(176),
            sw_out: four(180),
            style: fields[190],
            bind_index: late(201),
            status2: late(202),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(ID);
        out.extend_from_slice(&OP_POLL_REPLY.to_le_bytes());
        out.extend_from_slice(&self.ip.octets());
        out.extend_from_slice(&PORT.to_le_bytes());
        // The version of the firmware.
        out.extend_from_slice(&[0, 1, self.net_switch, self.sub_switch]);
        out.extend_from_slice(&self.oem.to_be_bytes());
        // No user BIOS.
        out.extend_from_slice(&[0, self.status1]);
        out.extend_from_slice(&self.esta.to_le_bytes());
        put_text(self.short_name, SHORT_NAME, out);
        put_text(self.long_name, LONG_NAME, out);
        put_text(self.node_report, NODE_REPORT, out);
        out.extend_from_slice(&[0, self.ports]);
        for each in [self.port_types, self.good_input, self.good_output, self.sw_in, self.sw_out] {
            out.extend_from_slice(&each);
        }
        // sACN priority, macros, remote controls, three spare bytes.
        out.extend_from_slice(&[0; 6]);
        out.push(self.style);
        // The MAC address, which only the operating system knows, and the address of the root device.
        out.extend_from_slice(&[0; 6]);
        out.extend_from_slice(&self.ip.octets());
        out.extend_from_slice(&[self.bind_index, self.status2]);
        // The Art-Net 4 fields, and space for later ones.
        out.extend_from_slice(&[0; 26]);
    }

    /// The universes that the device wants to receive.
    pub fn wanted(&self) -> impl Iterator<Item = PortAddress> + '_ {
        self.universes(PORT_OUT, self.sw_out)
    }

    /// The universes that the device sends.
    pub fn sent(&self) -> impl Iterator<Item = PortAddress> + '_ {
        self.universes(PORT_IN, self.sw_in)
    }

    fn universes(&self, kind: u8, switches: [u8; 4]) -> impl Iterator<Item = PortAddress> + '_ {
        // Some devices count only one kind of their ports, so the types decide.
        let ports = self.port_types.into_iter().zip(switches);
        ports
            .filter(move |(types, _)| types & kind != 0)
            .map(|(_, switch)| PortAddress::of_switches(self.net_switch, self.sub_switch, switch))
    }
}

/// The bytes before the first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Appends a text of a field of `len` bytes, truncated if necessary and followed by at least one NUL.
fn put_text(text: &[u8], len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    out.extend_from_slice(&text[..text.len().min(len - 1)]);
    out.resize(end, 0);
}
