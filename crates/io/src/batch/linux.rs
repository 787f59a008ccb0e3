//! `recvmmsg` and `sendmmsg`: up to [`BATCH`] datagrams per system call, into and out of memory that is used again.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use libc::{iovec, mmsghdr, sockaddr_storage, socklen_t};
use mio::net::UdpSocket;
use socket2::{SockAddr, SockAddrStorage};

use super::{Datagram, LONGEST};

/// How many datagrams one call takes.
const BATCH: usize = 32;

/// Room for what is received at once. Pages that no datagram has reached take no memory.
pub(crate) struct Inbox {
    /// `headers[n]` points to `senders[n]` and to `parts[n]`, and that into `buffers`; none of them moves or grows.
    headers: Box<[mmsghdr]>,
    senders: Box<[sockaddr_storage]>,
    _parts: Box<[iovec]>,
    buffers: Box<[u8]>,
}

impl Inbox {
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

    /// Receives, and returns how many datagrams came and whether more may be waiting.
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
        // The lengths of the addresses are written by the call and must say how much room there is for the next one.
        for header in &mut self.headers[..count] {
            header.msg_hdr.msg_namelen = size_of::<sockaddr_storage>() as socklen_t;
        }
        Ok((count, count == BATCH))
    }

    /// A datagram that was received. Without a sender it came from nowhere that has an address.
    pub(crate) fn datagram(&self, at: usize) -> (Option<SocketAddr>, &[u8]) {
        let len = (self.headers[at].msg_len as usize).min(LONGEST);
        let start = at * LONGEST;
        (address(&self.senders[at]), &self.buffers[start..start + len])
    }
}

/// Room for what is sent at once.
#[derive(Default)]
pub(crate) struct Outbound {
    headers: Vec<mmsghdr>,
    receivers: Vec<SockAddr>,
    parts: Vec<iovec>,
}

impl Outbound {
    /// Sends the first of the datagrams, as many as one call takes, and returns how many are gone.
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
        let batch = &datagrams[..datagrams.len().min(BATCH)];
        self.receivers.clear();
        self.parts.clear();
        self.headers.clear();
        self.receivers.extend(batch.iter().map(|datagram| SockAddr::from(datagram.to)));
        self.parts.extend(batch.iter().map(|datagram| {
            let part = &bytes[datagram.bytes.clone()];
            iovec { iov_base: part.as_ptr().cast_mut().cast(), iov_len: part.len() }
        }));
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
