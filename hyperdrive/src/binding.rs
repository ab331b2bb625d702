//! A database behind Hyperdrive as a Worker's binding.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::Binding;
use selvedge_runtime::outbound::{VirtualHost, VirtualHosts};
use tokio::io::DuplexStream;

use crate::origin::Origin;
use crate::pool::Pools;
use crate::session::{self, Credentials};

/// Bytes that wait between a Worker and its session.
const PIPE_BYTES: usize = 64 * 1024;
/// The port that a Worker sees.
const PORT: u16 = 5432;

/// Tells where the database is, whenever a client comes: it may have moved.
pub trait OriginSource: fmt::Debug + Send + Sync {
    /// The database. It may block for a short time.
    ///
    /// # Errors
    /// What a client is told.
    fn origin(&self) -> Result<Origin, String>;
}

/// A database that is always the same one.
impl OriginSource for Origin {
    fn origin(&self) -> Result<Origin, String> {
        Ok(self.clone())
    }
}

/// A database that a Worker has in its `env`.
#[derive(Clone)]
pub struct Hyperdrive {
    pools: Arc<Pools>,
    /// Which pool.
    id: Arc<str>,
    database: Arc<str>,
    source: Arc<dyn OriginSource>,
}

impl Hyperdrive {
    /// The database of this name, over the pool of this id.
    pub fn new(pools: Arc<Pools>, id: &str, database: &str, source: Arc<dyn OriginSource>) -> Self {
        Self { pools, id: id.into(), database: database.into(), source }
    }
}

impl fmt::Debug for Hyperdrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hyperdrive").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Binding for Hyperdrive {
    fn script(&self) -> &'static str {
        "ext:selvedge_hyperdrive/hyperdrive.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        let credentials = Credentials { user: random(), password: random() };
        let host = format!("{}.hyperdrive.local", random());
        if !state.has::<VirtualHosts>() {
            state.put(VirtualHosts::default());
        }
        let door = Door { hyperdrive: self.clone(), credentials: credentials.clone() };
        state.borrow_mut::<VirtualHosts>().add(&host, PORT, Arc::new(door));
        state.resource_table.add(Handle { host, credentials, database: self.database.clone() })
    }
}

/// 32 hexadecimal digits. An isolate that cannot get random numbers has nothing to
/// protect them with, either.
fn random() -> String {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the clients of an isolate come in.
struct Door {
    hyperdrive: Hyperdrive,
    credentials: Credentials,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Door").field(&self.hyperdrive).finish()
    }
}

impl VirtualHost for Door {
    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let Hyperdrive { pools, id, source, .. } = self.hyperdrive.clone();
        let (credentials, all) = (self.credentials.clone(), pools.clone());
        pools.spawn(async move {
            let found = tokio::task::spawn_blocking(move || source.origin()).await;
            let origin = found.unwrap_or_else(|_| Err("the configuration is not read".into()));
            session::serve(all, id.to_string(), origin, credentials, ours).await;
        });
        theirs
    }
}

/// A database in an isolate.
struct Handle {
    host: String,
    credentials: Credentials,
    database: Arc<str>,
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "hyperdrive".into()
    }
}

/// Host, port, user, password and database, as the Worker sees them.
#[op2]
#[serde]
pub(crate) fn op_hyperdrive_describe(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<(String, u16, String, String, String), JsErrorBox> {
    let handle = state
        .resource_table
        .get::<Handle>(rid)
        .map_err(|_| JsErrorBox::type_error("This Hyperdrive is not there any more."))?;
    let Credentials { user, password } = handle.credentials.clone();
    Ok((handle.host.clone(), PORT, user, password, handle.database.to_string()))
}
