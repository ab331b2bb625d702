//! Addresses to listen on, shared by the threads of the isolates.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

use crate::run::RunError;

/// Connections that wait to be accepted, for each socket.
const BACKLOG: i32 = 4096;

/// The bound addresses. Each thread gets sockets of its own.
#[derive(Debug)]
pub(crate) struct Addresses {
    first: std::sync::Mutex<Option<Vec<TcpListener>>>,
    all: Vec<SocketAddr>,
}

impl Addresses {
    /// Binds all addresses; fails when one is taken.
    pub(crate) fn bind(wanted: &[SocketAddr]) -> Result<Self, RunError> {
        let mut listeners = Vec::new();
        let mut all: Vec<SocketAddr> = Vec::new();
        for address in wanted {
            let mut address = *address;
            // All addresses of a name get the port that the first one got.
            if address.port() == 0
                && let Some(first) = all.first()
            {
                address.set_port(first.port());
            }
            // Sockets that share a port do not notice a stranger who shares it
            // too: one that does not share asks first.
            let refused = |error: io::Error| not_bound(address, &error);
            if address.port() != 0 {
                drop(socket(address, false).map_err(refused)?);
            }
            let listener = socket(address, true).map_err(refused)?;
            all.push(listener.local_addr().map_err(refused)?);
            listeners.push(listener);
        }
        Ok(Self { first: std::sync::Mutex::new(Some(listeners)), all })
    }

    /// The addresses, with real ports.
    pub(crate) fn all(&self) -> Vec<SocketAddr> {
        self.all.clone()
    }

    /// The same sockets for another user: who accepts first gets a connection,
    /// and none is lost when one of them ends.
    pub(crate) fn shared(&self) -> Result<Vec<TcpListener>, RunError> {
        let mut first = self.first.lock().unwrap_or_else(|poison| poison.into_inner());
        let listeners = match &*first {
            Some(listeners) => listeners,
            None => first.insert(
                self.all
                    .iter()
                    .map(|address| {
                        socket(*address, true).map_err(|error| not_bound(*address, &error))
                    })
                    .collect::<Result<_, _>>()?,
            ),
        };
        self.again(listeners)
    }

    /// These sockets, all of one user, for another one beside it.
    pub(crate) fn again(&self, listeners: &[TcpListener]) -> Result<Vec<TcpListener>, RunError> {
        listeners
            .iter()
            .zip(&self.all)
            .map(|(listener, address)| {
                listener.try_clone().map_err(|error| not_bound(*address, &error))
            })
            .collect()
    }

    /// Sockets for one more thread.
    pub(crate) fn another(&self) -> Result<Vec<TcpListener>, RunError> {
        let first = self.first.lock().unwrap_or_else(|poison| poison.into_inner()).take();
        if let Some(listeners) = first {
            return Ok(listeners);
        }
        self.all
            .iter()
            .map(|address| socket(*address, true).map_err(|error| not_bound(*address, &error)))
            .collect()
    }
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    #[cfg(unix)]
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    } else {
        // Without listening, a port in TIME_WAIT alone does not count as taken.
        socket.listen(1)?;
    }
    Ok(socket.into())
}

/// A socket for the TCP connections that a configuration asks for.
pub(crate) fn bind_for_connect(address: SocketAddr) -> Result<TcpListener, RunError> {
    // It shares its port with nobody, so that it need not ask first.
    let listening = socket(address, false).and_then(|listener| {
        socket2::SockRef::from(&listener).listen(BACKLOG)?;
        Ok(listener)
    });
    listening.map_err(|error| match not_bound(address, &error) {
        RunError::Listen { address, reason, hint } => {
            // There is no flag for it.
            let hint = hint.replace("another one with --port, or 0 for any that is free", PORT);
            RunError::Listen {
                address,
                reason,
                hint: hint.replace("another one with --port", PORT),
            }
        }
        error => error,
    })
}

/// Where its port is chosen.
const PORT: &str = "another port in `connect`";

fn not_bound(address: SocketAddr, error: &io::Error) -> RunError {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        _ => error.to_string(),
    };
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let by = owner_of_port(address.port()).map_or(String::new(), |by| format!(" by {by}"));
            format!("{by}\nhint: choose another one with --port, or 0 for any that is free")
        }
        io::ErrorKind::PermissionDenied if address.port() < 1024 => {
            "\nhint: ports below 1024 need privileges; choose another one with --port".to_owned()
        }
        _ => String::new(),
    };
    RunError::Listen { address, reason, hint }
}

/// The process that listens on a port, as far as this one may see it.
#[cfg(target_os = "linux")]
pub(crate) fn owner_of_port(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let text = std::fs::read_to_string(table).ok()?;
        text.lines().skip(1).find_map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let local = columns.get(1)?.rsplit_once(':')?.1;
            // State 0A is LISTEN.
            let listens = columns.get(3) == Some(&"0A");
            (listens && u16::from_str_radix(local, 16).ok()? == port)
                .then(|| columns.get(9).map(|inode| (*inode).to_owned()))?
        })
    })?;
    let wanted = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let Ok(files) = std::fs::read_dir(process.path().join("fd")) else { continue };
        let owns = files
            .flatten()
            .any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == &*wanted));
        if owns {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some(format!("{} (process {pid})", name.trim()));
        }
    }
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn owner_of_port(_: u16) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_refused_and_its_owner_named() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("it is bound");
        let error = Addresses::bind(&[address]).expect_err("the port is taken").to_string();
        assert!(error.contains("the port is in use"), "{error}");
        if cfg!(target_os = "linux") {
            assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        }
    }

    #[test]
    fn several_threads_share_a_port() {
        let addresses = Addresses::bind(&["127.0.0.1:0".parse().expect("an address")]);
        let addresses = addresses.expect("a free port");
        let first = addresses.another().expect("the first sockets");
        let second = addresses.another().expect("further sockets");
        let port = |listeners: &[TcpListener]| listeners[0].local_addr().expect("bound").port();
        assert_eq!(port(&first), port(&second));
    }
}
