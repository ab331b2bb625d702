//! Who does what `selvedge do` and `selvedge kv` ask for: the server that has the
//! data folder, or this process where none does.

use std::path::Path;
use std::time::Duration;

use anyhow::{anyhow, bail};
use bytes::Bytes;
use selvedge_server::backends::BackendError;
use selvedge_server::control::Control;
use selvedge_server::control::client::Client;
use selvedge_server::control::protocol::{Failure, Reply, Request};
use serde::de::DeserializeOwned;

/// A server that just starts has the folder before it listens: it is asked again
/// so often, and after so long each time.
const TRIES: u32 = 60;
const AGAIN: Duration = Duration::from_millis(50);

/// Who has the data folder.
pub(crate) enum Api {
    /// This process, until this is dropped.
    Alone(Box<Control>),
    Server(Client),
}

impl Api {
    /// Takes the data folder, or connects to the server that has it. `command` is
    /// what others are told who want the folder, too.
    pub(crate) async fn open(path: &Path, command: &str) -> anyhow::Result<Self> {
        match Control::alone(path, command) {
            Ok(control) => Ok(Self::Alone(Box::new(control))),
            Err(BackendError::Held(held)) => match connect(path).await {
                Some(client) => Ok(Self::Server(client)),
                None => bail!("{held}\nhint: stop that process first"),
            },
            Err(error) => Err(anyhow!(error.to_string())),
        }
    }

    /// Has a verb done.
    pub(crate) async fn call(&self, request: Request, bytes: Bytes) -> Result<Reply, Failure> {
        match self {
            Self::Alone(control) => control.execute(request, bytes).await,
            Self::Server(client) => client.execute(request, bytes).await,
        }
    }

    /// The same for verbs without bytes, whose answer is JSON.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: Request) -> anyhow::Result<T> {
        Ok(self.call(request, Bytes::new()).await?.read()?)
    }

    /// Whether a server has the folder.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Self::Alone(control) = self {
            // What was written is on disk already; this puts the files in order.
            let _ = control.settle();
        }
    }
}

/// The server that has a folder; `None` where it is none, or none that answers.
pub(crate) async fn connect(path: &Path) -> Option<Client> {
    for _ in 0..TRIES {
        if let Ok(client) = Client::connect(path).await {
            return Some(client);
        }
        tokio::time::sleep(AGAIN).await;
    }
    None
}
