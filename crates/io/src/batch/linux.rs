//! `recvmmsg` and `sendmmsg`: up to [`BATCH`] datagrams per system call, with reused memory.
//!
//! Several datagrams of equal length to one peer are passed to the kernel as one piece, which it splits (`UDP_SEGMENT`,
//! see `udp(7)`). The piece passes the network stack once.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use libc::{iovec, mmsghdr, sockaddr_storage, socklen_t};
use mio::net::UdpSocket;
use socket2::{SockAddr, SockAddrStorage};

use super::{Datagram, LONGEST};

/// How many datagrams one call takes.
const BATCH: usize = 32;

/// Buffers for a batch of received datagrams. Pages that no datagram has reached take no memory.
pub(crate) struct ReceiveBatch {
    /// `headers[n]` points to `senders[n]` and to `parts[n]`, and that into `buffers`; none of them moves or grows.
    headers: Box<[mmsghdr]>,
    senders: Box<[sockaddr_storage]>,
    _parts: Box<[iovec]>,
    buffers: Box<[u8]>,
}

impl ReceiveBatch {
    pub(crate) fn new() -> Self {
        let mut buffers: Box<[u8]> = vec![0; BATCH * LONGEST].into();
        let mut senders: Box<[sockaddr_storage]> = vec![zeroed_address(); BATCH].into();
        let base = buffers.as_mut_ptr();
        let mut parts: Box<[iovec]> = (0..BATCH)
            .map(|at| iovec { iov_base: base.wrapping_add(at * LONGEST).cast(), iov_len: LONGEST })
            .collect();
        let (first_part, first_sender) = (parts.as_mut_ptr(), senders.as_mut_ptr());
        let headers = (0..BATCH)
            .map(|at| {
                header(
                    first_sender.wrapping_add(at).cast(),
                    size_of::<sockaddr_storage>() as socklen_t,
                    first_part.wrapping_add(at),
                )
            })
            .collect();
        Self { headers, senders, _parts: parts, buffers }
    }

    /// Receives a batch. Returns the number of datagrams, and whether more may be waiting.
    #[expect(unsafe_code, reason = "recvmmsg has no safe form")]
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<(usize, bool)> {
        // SAFETY: the headers point to senders, parts and buffers that live as long as `self`, with their true lengths.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        // The call writes the lengths of the addresses; reset them to the available space for the next call.
        for header in &mut self.headers[..count] {
            header.msg_hdr.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
        }
        Ok((count, count == BATCH))
    }

    /// A received datagram. The sender is `None` if it has no address.
    pub(crate) fn datagram(&self, at: usize) -> (Option<SocketAddr>, &[u8]) {
        let len = (self.headers[at].msg_len as usize).min(LONGEST);
        let start = at * LONGEST;
        (address(&self.senders[at]), &self.buffers[start..start + len])
    }
}

/// The number of datagrams that the system has dropped since the socket was opened because they were not read in time.
/// The count wraps. The control message `SO_RXQ_OVFL` would report it only with the next datagram, and never after the
/// last one; so it is read from the socket (`SO_MEMINFO`, Linux 4.12).
#[expect(unsafe_code, reason = "this option of a socket has no safe form")]
pub(crate) fn drops(socket: &UdpSocket) -> Option<u32> {
    let mut counts = [0_u32; DROPS + 1];
    let mut len = size_of_val(&counts) as socklen_t;
    // SAFETY: `counts` has room for `len` bytes, and the call writes no more than that.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            counts.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    (result == 0 && len as usize == size_of_val(&counts)).then(|| counts[DROPS])
}

/// From `asm-generic/socket.h`.
const SO_MEMINFO: libc::c_int = 55;

/// The index of the count in the result of `SO_MEMINFO`.
const DROPS: usize = libc::SK_MEMINFO_DROPS as usize;

/// The number of datagrams from which segmentation is worth its set-up.
const FEWEST_SEGMENTS: usize = 3;

/// The most pieces that every kernel cuts, and how long all of them may be together.
const MOST_SEGMENTS: usize = 64;
const LONGEST_RUN: usize = 60_000;

/// Pieces have to fit the network in one packet; this much fits even through a tunnel.
const LONGEST_SEGMENT: usize = 1_200;

/// Buffers for a batch of datagrams to send.
pub(crate) struct SendBatch {
    headers: Vec<mmsghdr>,
    receivers: Vec<SockAddr>,
    parts: Vec<iovec>,
    /// Whether the kernel splits pieces; it may not support this, or not on this network.
    can_segment: bool,
}

impl Default for SendBatch {
    fn default() -> Self {
        Self { headers: Vec::new(), receivers: Vec::new(), parts: Vec::new(), can_segment: true }
    }
}

/// The control message of a call that sends segments: `struct cmsghdr`, and the length of a segment.
#[repr(C)]
struct SegmentLength {
    header: libc::cmsghdr,
    length: u16,
}

impl SendBatch {
    /// Sends as many of the first datagrams as one call accepts, and returns their number.
    #[expect(unsafe_code, reason = "sendmmsg has no safe form")]
    pub(crate) fn send(
        &mut self,
        socket: &UdpSocket,
        datagrams: &[Datagram],
        bytes: &[u8],
    ) -> io::Result<usize> {
        if let [datagram] = datagrams {
            return socket.send_to(&bytes[datagram.bytes.clone()], datagram.to).map(|_| 1);
        }
        let run = run_of_segments(datagrams);
        if self.can_segment && run >= FEWEST_SEGMENTS {
            match self.send_segments(socket, &datagrams[..run], bytes) {
                Err(error) if cannot_segment(&error) => self.can_segment = false,
                result => return result.map(|()| run),
            }
        }
        let batch = &datagrams[..datagrams.len().min(BATCH)];
        self.receivers.clear();
        self.headers.clear();
        self.receivers.extend(batch.iter().map(|datagram| SockAddr::from(datagram.to)));
        self.set_parts(batch, bytes);
        let first_part = self.parts.as_mut_ptr();
        self.headers.extend(self.receivers.iter().enumerate().map(|(at, receiver)| {
            header(receiver.as_ptr().cast_mut().cast(), receiver.len(), first_part.wrapping_add(at))
        }));
        // SAFETY: each header points to a receiver and a part of this batch, which live until the call returns and are
        // only read by it; the parts point into `bytes`, with their true lengths.
        let count = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as u32,
                libc::MSG_DONTWAIT as _,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// Sends a run of datagrams to one peer, all of one length.
    #[expect(unsafe_code, reason = "sendmsg with a control message has no safe form")]
    fn send_segments(&mut self, socket: &UdpSocket, run: &[Datagram], bytes: &[u8]) -> io::Result<()> {
        let Some(first) = run.first() else { return Ok(()) };
        let receiver = SockAddr::from(first.to);
        self.set_parts(run, bytes);
        // SAFETY: a cmsghdr of zeroes is valid; its padding, where there is any, can only be zeroed.
        let zeroed: libc::cmsghdr = unsafe { std::mem::zeroed() };
        let mut control = SegmentLength { header: zeroed, length: first.bytes.len() as u16 };
        control.header.cmsg_level = libc::SOL_UDP;
        control.header.cmsg_type = libc::UDP_SEGMENT;
        // The length of header and content, without the padding after it.
        control.header.cmsg_len = (size_of::<libc::cmsghdr>() + size_of::<u16>()) as _;
        let parts = self.parts.as_mut_ptr();
        let mut message = header(receiver.as_ptr().cast_mut().cast(), receiver.len(), parts).msg_hdr;
        message.msg_iovlen = self.parts.len() as _;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<SegmentLength>() as _;
        // SAFETY: the message points to the receiver, to the parts with their true lengths and to the control message,
        // all of which live until the call returns and are only read by it.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    fn set_parts(&mut self, datagrams: &[Datagram], bytes: &[u8]) {
        self.parts.clear();
        self.parts.extend(datagrams.iter().map(|datagram| {
            let part = &bytes[datagram.bytes.clone()];
            iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() }
        }));
    }
}

/// How many of the datagrams, from the first on, can be segments of one piece.
fn run_of_segments(datagrams: &[Datagram]) -> usize {
    let Some(first) = datagrams.first() else { return 0 };
    let length = first.bytes.len();
    if length == 0 || length > LONGEST_SEGMENT {
        return 1;
    }
    let most = MOST_SEGMENTS.min(LONGEST_RUN / length);
    let alike =
        datagrams.iter().take(most).take_while(|next| next.to == first.to && next.bytes.len() == length);
    alike.count()
}

/// Whether the kernel, this kind of socket or the way there does without segmentation.
fn cannot_segment(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINVAL | libc::EIO | libc::EMSGSIZE | libc::ENOPROTOOPT | libc::EOPNOTSUPP)
    )
}

fn header(name: *mut libc::c_void, name_len: socklen_t, part: *mut iovec) -> mmsghdr {
    #[expect(unsafe_code, reason = "the padding of a msghdr can only be zeroed")]
    // SAFETY: an mmsghdr of zeroes is valid: null pointers and zero lengths.
    let mut header: mmsghdr = unsafe { std::mem::zeroed() };
    header.msg_hdr.msg_name = name;
    header.msg_hdr.msg_namelen = name_len;
    header.msg_hdr.msg_iov = part;
    header.msg_hdr.msg_iovlen = 1;
    header
}

fn zeroed_address() -> sockaddr_storage {
    #[expect(unsafe_code, reason = "the padding of a socket address can only be zeroed")]
    // SAFETY: a sockaddr_storage of zeroes is valid: an address of no family.
    unsafe {
        std::mem::zeroed()
    }
}

#[expect(unsafe_code, reason = "a socket address of the kernel is read by its family")]
fn address(sender: &sockaddr_storage) -> Option<SocketAddr> {
    let mut storage = SockAddrStorage::zeroed();
    // SAFETY: a SockAddrStorage is a sockaddr_storage, and the kernel has written `sender` or left it zeroed. Its whole
    // length is handed over, and `as_socket` reads no more than the family stands for.
    let address = unsafe {
        *storage.view_as::<sockaddr_storage>() = *sender;
        SockAddr::new(storage, size_of::<sockaddr_storage>() as socklen_t)
    };
    address.as_socket()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagrams(lengths: &[usize], to: &str) -> Vec<Datagram> {
        let to = to.parse().expect("an address");
        lengths.iter().map(|length| Datagram { to, bytes: 0..*length }).collect()
    }

    #[test]
    fn segments_are_of_one_length_for_one_peer_and_fit_every_network() {
        for (lengths, run) in [
            (&[][..], 0),
            (&[7], 1),
            (&[7, 7, 7], 3),
            (&[7, 7, 6], 2),
            (&[0, 0, 0], 1),
            (&[1_201, 1_201, 1_201], 1),
            (&[7; 100], 64),
            (&[1_200; 100], 50),
        ] {
            assert_eq!(run_of_segments(&datagrams(lengths, "10.0.0.1:1")), run, "{lengths:?}");
        }
        let mut two = datagrams(&[7, 7], "10.0.0.1:1");
        two.extend(datagrams(&[7], "10.0.0.1:2"));
        assert_eq!(run_of_segments(&two), 2);
    }
}
