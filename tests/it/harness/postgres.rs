//! A PostgreSQL of Debian's package, with a database of its own.

use std::fmt::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::eventually;

/// The user's password; it has what URLs encode.
pub(crate) const PASSWORD: &str = "p@ss:w%rd/1";

/// A server that ends with the test.
pub(crate) struct Postgres {
    child: Child,
    pub(crate) port: u16,
    _folder: TempDir,
}

/// Where the programs are.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// PostgreSQL does not run as root: whom it runs as then.
fn ids() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut parts = line.split(':').skip(2);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[expect(unsafe_code, reason = "there is no safe way to ask")]
fn is_root() -> bool {
    // SAFETY: it only gives a number.
    unsafe { libc::geteuid() == 0 }
}

fn command(program: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    if is_root()
        && let Some((user, group)) = ids()
    {
        command.uid(user).gid(group);
    }
    command
}

impl Postgres {
    /// Starts one that asks for passwords in this way; `None` where there is none.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    pub(crate) fn start(auth: &str) -> Option<Self> {
        let Some(bin) = programs().filter(|_| !is_root() || ids().is_some()) else {
            println!("skipped: there is no PostgreSQL (Debian's package postgresql)");
            return None;
        };
        let folder = TempDir::new().expect("a temporary folder");
        if is_root()
            && let Some((user, group)) = ids()
        {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).expect("chown");
        }
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        let data = folder.path().join("data");
        let encryption = if auth == "md5" { "md5" } else { "scram-sha-256" };
        let made = command(&bin.join("initdb"))
            .args(["-U", "me", "-E", "UTF8", "--no-locale", "--no-sync", "--auth-local=trust"])
            .arg(format!("--auth-host={auth}"))
            .arg(format!("--pwfile={}", password.display()))
            .arg("-c")
            .arg(format!("password_encryption={encryption}"))
            .args(["-D"])
            .arg(&data)
            .status()
            .expect("initdb starts");
        // Versions before 16 do not know -c.
        if !made.success() {
            let made = command(&bin.join("initdb"))
                .args(["-U", "me", "-E", "UTF8", "--no-locale", "--no-sync", "--auth-local=trust"])
                .arg(format!("--auth-host={auth}"))
                .arg(format!("--pwfile={}", password.display()))
                .args(["-D"])
                .arg(&data)
                .status()
                .expect("initdb starts");
            assert!(made.success(), "initdb");
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = port.local_addr().expect("an address").port();
        let mut settings = String::new();
        writeln!(settings, "listen_addresses = '127.0.0.1'\nport = {port}\nfsync = off")
            .expect("text");
        writeln!(settings, "unix_socket_directories = ''\nmax_connections = 30").expect("text");
        let conf = data.join("postgresql.auto.conf");
        std::fs::write(&conf, settings).expect("written");
        let child = command(&bin.join("postgres")).arg("-D").arg(&data).spawn();
        let child = child.expect("it starts");
        eventually("PostgreSQL listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { child, port, _folder: folder })
    }

    /// What leads to it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://me:p%40ss%3Aw%25rd%2F1@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            #[expect(unsafe_code, reason = "there is no safe way to send a signal")]
            // SAFETY: it only sends a signal to a child that was not waited for. SIGINT
            // has it end its own processes.
            unsafe {
                libc::kill(pid, libc::SIGINT);
            }
        }
        let _ = self.child.wait();
    }
}
