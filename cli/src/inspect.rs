//! `--inspect` and its kin, for all commands that run a Worker.

use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::Args;
use selvedge_runtime::InspectorStart;
use selvedge_server::inspector::{DEFAULT_ADDRESS, InspectOptions};

/// Flags for debuggers; at most one of them is set.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Debugging")]
pub(crate) struct InspectArgs {
    /// Let debuggers connect: Chrome (chrome://inspect) or an editor. One isolate serves, and CPU
    /// time is not limited while one is connected [default: 127.0.0.1:9229].
    #[arg(long, value_name = "[HOST:]PORT", value_parser = address)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_ADDRESS)]
    #[arg(conflicts_with_all = ["inspect_brk", "inspect_wait"])]
    inspect: Option<SocketAddr>,

    /// The same, and pause the Worker at its first statement until a debugger lets it go on.
    #[arg(long, value_name = "[HOST:]PORT", value_parser = address)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_ADDRESS)]
    #[arg(conflicts_with = "inspect_wait")]
    inspect_brk: Option<SocketAddr>,

    /// The same, and do not start the Worker before a debugger is connected.
    #[arg(long, value_name = "[HOST:]PORT", value_parser = address)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_ADDRESS)]
    inspect_wait: Option<SocketAddr>,
}

impl InspectArgs {
    /// What was asked for, if debuggers may connect.
    pub(crate) fn options(&self) -> Option<InspectOptions> {
        let flags = [
            (self.inspect, InspectorStart::AtOnce),
            (self.inspect_brk, InspectorStart::Paused),
            (self.inspect_wait, InspectorStart::WhenConnected),
        ];
        flags
            .into_iter()
            .find_map(|(address, start)| Some(InspectOptions { address: address?, start }))
    }
}

/// `PORT`, `HOST` or `HOST:PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let default: SocketAddr = DEFAULT_ADDRESS.parse().expect("a constant");
    if let Ok(port) = text.parse::<u16>() {
        return Ok(SocketAddr::new(default.ip(), port));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("a port is a number from 0 to 65535".to_owned());
    }
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    if let Ok(host) = bare.parse() {
        return Ok(SocketAddr::new(host, default.port()));
    }
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => {
            let port = port.parse().map_err(|_| format!("\"{port}\" is not a port"))?;
            (name, port)
        }
        None => (text, default.port()),
    };
    let mut found = (name, port)
        .to_socket_addrs()
        .map_err(|error| format!("{error}; expected [HOST:]PORT, e.g. 9229 or 127.0.0.1:9229"))?;
    found.next().ok_or_else(|| "the name has no address".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        inspect: InspectArgs,
        file: Option<String>,
    }

    fn parse(line: &str) -> Result<(Option<InspectOptions>, Option<String>), clap::Error> {
        let line = Line::try_parse_from(line.split(' '))?;
        Ok((line.inspect.options(), line.file))
    }

    fn asked(line: &str) -> (String, InspectorStart) {
        let options = parse(line).expect("valid").0.expect("asked for");
        (options.address.to_string(), options.start)
    }

    #[test]
    fn nothing_is_open_without_a_flag() {
        assert_eq!(parse("run worker.js").expect("valid"), (None, Some("worker.js".into())));
    }

    #[test]
    fn each_flag_says_what_the_worker_waits_for() {
        let default = DEFAULT_ADDRESS.to_owned();
        assert_eq!(asked("run --inspect"), (default.clone(), InspectorStart::AtOnce));
        assert_eq!(asked("run --inspect-brk"), (default.clone(), InspectorStart::Paused));
        assert_eq!(asked("run --inspect-wait"), (default, InspectorStart::WhenConnected));
    }

    #[test]
    fn a_file_behind_the_flag_is_no_address() {
        let (options, file) = parse("run --inspect worker.js").expect("valid");
        assert!(options.is_some());
        assert_eq!(file.as_deref(), Some("worker.js"));
    }

    #[test]
    fn addresses_may_leave_out_host_or_port() {
        for (text, address) in [
            ("0", "127.0.0.1:0"),
            ("9230", "127.0.0.1:9230"),
            ("0.0.0.0", "0.0.0.0:9229"),
            ("0.0.0.0:1", "0.0.0.0:1"),
            ("[::1]:7", "[::1]:7"),
            ("::1", "[::1]:9229"),
            ("[::1]", "[::1]:9229"),
        ] {
            assert_eq!(asked(&format!("run --inspect={text}")).0, address, "{text}");
        }
        assert!(asked("run --inspect=localhost:5").0.ends_with(":5"));
        for wrong in ["", "65536", "localhost:x", "no such host", ":"] {
            assert!(super::address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_one_of_the_flags_is_taken() {
        for line in [
            "run --inspect --inspect-brk",
            "run --inspect-wait --inspect",
            "run --inspect-brk --inspect-wait=1",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
