//! Where messages go: to a relay by SMTP, or into a folder of this machine.

use std::fmt::Debug;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use crate::error::{Code, Refusal};

/// How long a relay may take for one step.
const PATIENCE: Duration = Duration::from_secs(30);
/// The folder of messages in the data folder.
pub const FOLDER: &str = "email";

/// An answer that may take a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers of a relay that concern the server and not the message: who asks is not
/// known there, or not well enough (RFC 4954, 6).
const NOT_KNOWN: [u16; 5] = [530, 534, 535, 538, 454];

/// Why a message is not on its way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailerError {
    /// Nobody takes messages.
    #[error("this server sends no email: its operator has named no relay")]
    NoRelay,
    /// The relay will not take this one.
    #[error("the relay refused the email: {0}")]
    Refused(String),
    /// It may take it later.
    #[error("the email was not delivered; try again later")]
    Unavailable,
}

impl From<MailerError> for Refusal {
    fn from(error: MailerError) -> Self {
        let code = match error {
            MailerError::NoRelay => Code::NoRelay,
            MailerError::Refused(_) => Code::DeliveryFailed,
            MailerError::Unavailable => Code::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The relay has it.
    Relayed,
    /// It is in this file.
    Kept(PathBuf),
}

/// Takes messages.
pub trait Mailer: Debug + Send + Sync {
    /// Sends a message.
    ///
    /// # Errors
    /// [`MailerError`].
    fn send<'a>(
        &'a self,
        envelope: &'a Envelope,
        message: &'a [u8],
    ) -> Later<'a, Result<Sent, MailerError>>;
}

/// A relay that speaks SMTP.
pub struct Relay(AsyncSmtpTransport<Tokio1Executor>);

impl Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relay(..)")
    }
}

impl Relay {
    /// The relay of a URL: `smtp://` (with `?tls=required` for STARTTLS, or
    /// `?tls=opportunistic`) or `smtps://`, `USER:PASSWORD@`, host and port. The URL
    /// is not repeated in errors.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(url: &str) -> Result<Self, String> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| {
            "it is no URL of a relay, such as smtps://USER:PASSWORD@HOST".to_owned()
        })?;
        Ok(Self(builder.timeout(Some(PATIENCE)).build()))
    }
}

impl Mailer for Relay {
    fn send<'a>(
        &'a self,
        envelope: &'a Envelope,
        message: &'a [u8],
    ) -> Later<'a, Result<Sent, MailerError>> {
        // The end of its last line is that of the message, which is sent anyway.
        let message = message.strip_suffix(b"\r\n").unwrap_or(message);
        Box::pin(async move {
            match self.0.send_raw(envelope, message).await {
                Ok(_) => Ok(Sent::Relayed),
                Err(error) if is_refusal(&error) => Err(MailerError::Refused(error.to_string())),
                Err(error) => {
                    tracing::warn!(%error, "the relay did not take an email");
                    Err(MailerError::Unavailable)
                }
            }
        })
    }
}

/// Whether the relay has something against the message.
fn is_refusal(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    error.is_permanent() && code.is_none_or(|code| !NOT_KNOWN.contains(&code))
}

/// A folder that messages are put into, for `run` and `dev` without a relay.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The one in a data folder.
    pub fn of(data: &Path) -> Self {
        Self(data.join(FOLDER))
    }
}

impl Mailer for Folder {
    fn send<'a>(
        &'a self,
        _envelope: &'a Envelope,
        message: &'a [u8],
    ) -> Later<'a, Result<Sent, MailerError>> {
        Box::pin(async move {
            let (folder, bytes) = (self.0.clone(), message.to_vec());
            let written = tokio::task::spawn_blocking(move || {
                std::fs::create_dir_all(&folder)?;
                let file = folder.join(format!("{}.eml", uuid::Uuid::new_v4()));
                std::fs::write(&file, bytes).map(|()| file)
            });
            let failed = |error: &dyn std::fmt::Display| {
                tracing::error!(%error, "an email was not kept");
                MailerError::Unavailable
            };
            match written.await {
                Ok(Ok(file)) => Ok(Sent::Kept(file)),
                Ok(Err(error)) => Err(failed(&error)),
                Err(error) => Err(failed(&error)),
            }
        })
    }
}

/// Nobody takes messages: a server without a relay.
#[derive(Debug)]
pub struct Nowhere;

impl Mailer for Nowhere {
    fn send<'a>(
        &'a self,
        _envelope: &'a Envelope,
        _message: &'a [u8],
    ) -> Later<'a, Result<Sent, MailerError>> {
        Box::pin(std::future::ready(Err(MailerError::NoRelay)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        let address = |text: &str| text.parse().expect("an address");
        Envelope::new(Some(address("me@x.org")), vec![address("a@x.org")]).expect("both ends")
    }

    #[test]
    fn messages_in_a_folder_have_files_of_their_own() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("an event loop");
        let mailer = Folder::of(folder.path());
        let mut files = Vec::new();
        for text in ["one\r\n", "two\r\n"] {
            let sent = runtime.block_on(mailer.send(&envelope(), text.as_bytes()));
            let Ok(Sent::Kept(file)) = sent else { panic!("{sent:?}") };
            assert_eq!(std::fs::read_to_string(&file).expect("it is there"), text);
            files.push(file);
        }
        assert_ne!(files[0], files[1]);
        assert!(files[0].starts_with(folder.path().join(FOLDER)), "{files:?}");
    }

    #[test]
    fn a_url_that_is_none_is_not_repeated() {
        for url in ["hunter2", "http://u:hunter2@x.org", "smtp://u:hunter2@x.org?tls=maybe"] {
            let error = Relay::new(url).expect_err(url);
            assert!(!error.contains("hunter2"), "{error}");
        }
        for url in ["smtp://x.org", "smtps://u:p@x.org/name", "smtp://x.org:2525?tls=required"] {
            assert!(Relay::new(url).is_ok(), "{url}");
        }
    }
}
