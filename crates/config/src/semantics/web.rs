//! The section `[web]`: the settings of the page.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crosspatch_core::{Host, WrittenEndpoint};

/// The port of the page, if none is written.
const DEFAULT_PORT: u16 = 8100;

/// The address of the page, if none is written.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT);

/// Reads the address that a page listens on: `8100`, `10.0.0.5`, `10.0.0.5:8100`, `[::1]:8100`, `*:8100`.
///
/// # Errors
///
/// If it is none. The error says what was expected and found.
pub fn listen_address(written: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = written.parse() {
        return Ok(SocketAddr::new(DEFAULT_LISTEN.ip(), port));
    }
    let wrong =
        || format!("expected an address of this machine such as `{DEFAULT_LISTEN}`, found `{written}`");
    let endpoint = WrittenEndpoint::parse(written).map_err(|_| wrong())?;
    let WrittenEndpoint { scheme: None, host, port, rest: "", .. } = endpoint else { return Err(wrong()) };
    let address = match host {
        Host::Any => Ipv6Addr::UNSPECIFIED.into(),
        Host::Address(address) => address,
        Host::Name(name) if &*name == "localhost" => DEFAULT_LISTEN.ip(),
        Host::Name(_) => return Err(wrong()),
    };
    Ok(SocketAddr::new(address, port.unwrap_or(DEFAULT_PORT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (written, meant) in [
            ("8100", "127.0.0.1:8100"),
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            ("10.0.0.5", "10.0.0.5:8100"),
            ("10.0.0.5 81", "10.0.0.5:81"),
            ("[::1]:81", "[::1]:81"),
            ("::1", "[::1]:8100"),
            ("localhost:81", "127.0.0.1:81"),
            ("*", "[::]:8100"),
            (":81", "[::]:81"),
            ("0.0.0.0:81", "0.0.0.0:81"),
        ] {
            assert_eq!(listen_address(written).map(|read| read.to_string()).as_deref(), Ok(meant));
        }
        for wrong in ["", "show.cfg", "70000", "10.0.0.5:http", "http://10.0.0.5", "10.0.0.5 81 x", "foh:81"]
        {
            assert!(listen_address(wrong).is_err(), "{wrong}");
        }
    }
}
