//! The settings of the page: the options of the section `[web]`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crosspatch_core::{Backend, Host, OptionSpec, Options, WrittenEndpoint};

/// The port of the page, if none is written.
const DEFAULT_PORT: u16 = 8100;

/// The address of the page, if none is written.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT);

/// How a hash of a password begins, and how many parts it has.
const HASH: &str = "$argon2";
const HASH_PARTS: usize = 6;

/// A shorter password is guessed soon.
const MIN_PASSWORD: usize = 8;

const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new("listen", "0.0.0.0:8100", "127.0.0.1:8100", "the address of the page"),
    OptionSpec {
        secret: true,
        ..OptionSpec::new(
            "password",
            "correct horse",
            "",
            "the password of those who may operate the show, or its hash",
        )
    },
    OptionSpec {
        secret: true,
        file: true,
        ..OptionSpec::new("password-file", "web.password", "", "a file with that password")
    },
    OptionSpec {
        secret: true,
        ..OptionSpec::new(
            "view-password",
            "battery staple",
            "",
            "the password of those who may look, or its hash",
        )
    },
    OptionSpec {
        repeatable: true,
        ..OptionSpec::new("allowed-host", "show.example", "", "another name by which browsers reach the page")
    },
];

/// The section as the entry of a registry, so that its options are read and reported like all others.
pub(crate) static SECTION: Backend = Backend {
    name: "web",
    summary: "",
    manual: "",
    options: OPTIONS,
    words: &[],
    loops_back: false,
    stands_alone: true,
    configure: |_| None,
    describe: |_, _| {},
    compose: |_| None,
};

/// The settings of the page, as the section `[web]` has them.
#[derive(Clone, PartialEq, Eq)]
pub struct WebSettings {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The password of those who may operate the show, or its hash.
    pub password: Option<String>,
    /// The password of those who may look, or its hash.
    pub view_password: Option<String>,
    /// Further names by which browsers reach the page.
    pub allowed_hosts: Vec<String>,
}

impl std::fmt::Debug for WebSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the passwords.
        f.debug_struct("WebSettings").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// Reads the options of the section, and notes every mistake.
pub(crate) fn read(options: &mut Options<'_>) -> Option<WebSettings> {
    let mut listen = DEFAULT_LISTEN;
    if let Some((at, written)) = options.all("listen").last() {
        match listen_address(written) {
            Ok(address) => listen = address,
            Err(error) => options.error(at, error),
        }
    }
    let passwords = [password(options, "password"), password(options, "password-file")];
    if let ([Some(_), Some(_)], Some((at, _))) = (&passwords, options.all("password-file").last()) {
        options.error(at, "expected either `password` or `password-file`, found both");
    }
    let password_of_operators = passwords.into_iter().flatten().next();
    let view_password = password(options, "view-password");
    if let (None, Some((at, _))) = (&password_of_operators, options.all("view-password").last()) {
        options.error(at, "nobody could operate the show: there is no `password` beside the `view-password`");
    }
    let mut allowed_hosts = Vec::new();
    let hosts: Vec<_> = options.all("allowed-host").collect();
    for (at, host) in hosts {
        let bare = host.trim_matches(['[', ']']);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !bare.is_empty() && (bare.chars().all(is_name) || bare.parse::<IpAddr>().is_ok()) {
            allowed_hosts.push(bare.to_ascii_lowercase());
        } else {
            options.error(
                at,
                format!("expected a host name without `http://` and without a port, found `{host}`"),
            );
        }
    }
    Some(WebSettings { listen, password: password_of_operators, view_password, allowed_hosts })
}

/// A password or its hash.
fn password(options: &mut Options<'_>, name: &str) -> Option<String> {
    let (at, written) = options.all(name).last()?;
    if written.is_empty() {
        options.error(at, "expected a password, found nothing");
    } else if written.starts_with(HASH) {
        if written.split('$').count() != HASH_PARTS {
            options.error(at, "expected the whole line that `crosspatch web-password` prints");
        }
    } else if written.chars().count() < MIN_PASSWORD {
        options.warning(at, format!("a password of fewer than {MIN_PASSWORD} characters is guessed soon"));
    }
    Some(written.to_owned())
}

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
