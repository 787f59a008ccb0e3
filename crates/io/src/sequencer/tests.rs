//! A double
use std::io;
use std::os::fd::RawFd;
#[derive(Debug)]
pub(super) struct Double;
impl Double {
    pub(super) fn fd(&self) -> RawFd { 0 }
    pub(super) fn read(&mut self, _b: &mut [u8]) -> io::Result<usize> { Ok(0) }
    pub(super) fn write(&mut self, _b: &[u8]) -> io::Result<usize> { Ok(0) }
    pub(super) fn control(&self, _r: u8, _b: &mut [u8]) -> io::Result<()> { Ok(()) }
}
