//! A relay that takes all mail and keeps it in memory.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A message, and what was said of it before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
    /// Whether it came encrypted.
    pub(crate) is_secret: bool,
    /// What the client said of who it is: base64 of `\0USER\0PASSWORD`.
    pub(crate) auth: Option<String>,
}

/// What a relay wants before it takes mail.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wants {
    /// Only this, after `AUTH PLAIN`.
    pub(crate) auth: Option<&'static str>,
    /// STARTTLS, with this.
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// The relay. Its thread ends with the process.
pub(crate) struct Smtp {
    address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
}

/// A certificate for `localhost`, as PEM, and a server's configuration with it.
pub(crate) fn tls() -> (String, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("they fit");
    (made.cert.pem(), Arc::new(config))
}

impl Smtp {
    /// One that has no place for recipients whose address begins with `full`, and
    /// asks to come back for those that begin with `later`.
    pub(crate) fn start() -> Self {
        Self::start_with(Wants::default())
    }

    pub(crate) fn start_with(wants: Wants) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mails = Arc::<Mutex<Vec<Mail>>>::default();
        let kept = mails.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, wants) = (kept.clone(), wants.clone());
                std::thread::spawn(move || drop(serve(stream, &kept, &wants)));
            }
        });
        Self { address, mails }
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Mail>>, wants: &Wants) -> std::io::Result<()> {
    writeln!(stream, "220 sink ESMTP\r")?;
    let mut talk = Talk { stream: BufReader::new(stream), wants, is_secret: false };
    if !talk.run(kept)? {
        return Ok(());
    }
    let Some(config) = &wants.tls else { return Ok(()) };
    let stream = talk.stream.into_inner();
    let tls = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
    let stream = BufReader::new(StreamOwned::new(tls, stream));
    Talk { stream, wants, is_secret: true }.run(kept).map(drop)
}

struct Talk<'a, S: Read + Write> {
    stream: BufReader<S>,
    wants: &'a Wants,
    is_secret: bool,
}

impl<S: Read + Write> Talk<'_, S> {
    fn line(&mut self) -> std::io::Result<Option<String>> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        assert!(line.ends_with("\r\n"), "a line ends with CRLF: {line:?}");
        line.truncate(line.len() - 2);
        Ok(Some(line))
    }

    fn say(&mut self, text: &str) -> std::io::Result<()> {
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes())?;
        self.stream.get_mut().flush()
    }

    /// Whether TLS is to begin.
    fn run(&mut self, kept: &Mutex<Vec<Mail>>) -> std::io::Result<bool> {
        let (mut mail, mut auth) = (Mail::default(), None);
        while let Some(line) = self.line()? {
            let upper = line.to_ascii_uppercase();
            let angle = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            let answer = if upper.starts_with("EHLO") {
                match (&self.wants.tls, self.is_secret, self.wants.auth) {
                    (Some(_), false, _) => "250-sink\r\n250-8BITMIME\r\n250 STARTTLS",
                    (_, _, Some(_)) => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN",
                    _ => "250-sink\r\n250 8BITMIME",
                }
            } else if upper == "STARTTLS" {
                self.say("220 go on")?;
                return Ok(true);
            } else if upper.starts_with("AUTH PLAIN ") {
                auth = line.split(' ').nth(2).map(str::to_owned);
                match auth.as_deref() == self.wants.auth {
                    true => "235 hello",
                    false => "535 who are you",
                }
            } else if upper.starts_with("MAIL") && auth.as_deref() != self.wants.auth {
                "530 say who you are"
            } else if upper.starts_with("MAIL") {
                let (is_secret, auth) = (self.is_secret, auth.clone());
                mail = Mail { from: angle(), is_secret, auth, ..Mail::default() };
                "250 ok"
            } else if upper.starts_with("RCPT") && angle().starts_with("full") {
                "550 no place for it"
            } else if upper.starts_with("RCPT") && angle().starts_with("later") {
                "451 come back later"
            } else if upper.starts_with("RCPT") {
                mail.to.push(angle());
                "250 ok"
            } else if upper.starts_with("DATA") {
                self.say("354 go on")?;
                while let Some(line) = self.line()?.filter(|line| line != ".") {
                    mail.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.text.push('\n');
                }
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
                "250 kept"
            } else if upper.starts_with("QUIT") {
                self.say("221 bye")?;
                return Ok(false);
            } else {
                "250 ok"
            };
            self.say(answer)?;
        }
        Ok(false)
    }
}
