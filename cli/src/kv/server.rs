//! A namespace of KV in a server that runs.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use selvedge_kv::Error;
use selvedge_kv::store::{
    Answer, Attributes, Entry, KvStore, Later, ListPage, ListQuery, ListedKey, UnixSeconds, Value,
    ValueWriter,
};
use selvedge_server::control::client::Client;
use selvedge_server::control::protocol::{Failure, KvAttributes, KvPage, Reply, Request};
use tokio::sync::{Mutex, Semaphore};

/// Requests that are on their way at once: the server commits them together.
const AT_ONCE: usize = 64;
const LANES: u64 = 256;

/// The store of a namespace, as the server has it. To be used within a tokio
/// runtime.
#[derive(Debug, Clone)]
pub(super) struct ServerStore {
    client: Arc<Client>,
    namespace: String,
    slots: Arc<Semaphore>,
    /// Writes of the same key are sent one after another: keys share these by hash.
    lanes: Arc<[Mutex<()>]>,
}

impl ServerStore {
    pub(super) fn new(client: Arc<Client>, namespace: &str) -> Self {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let lanes = (0..LANES).map(|_| Mutex::default()).collect();
        Self { client, namespace: namespace.to_owned(), slots, lanes }
    }

    /// Asks at once, also before the answer is waited for.
    fn ask<T: Send + 'static>(
        &self,
        key: Option<&str>,
        request: impl FnOnce(String) -> Request,
        bytes: Bytes,
        read: impl FnOnce(Reply) -> Result<T, Failure> + Send + 'static,
    ) -> Later<T> {
        let (client, slots) = (self.client.clone(), self.slots.clone());
        let request = request(self.namespace.clone());
        let lane = key.map(|key| {
            let mut hash = DefaultHasher::new();
            key.hash(&mut hash);
            (hash.finish() % LANES) as usize
        });
        let lanes = self.lanes.clone();
        // Tasks begin in the order in which they are made, and so wait in line.
        let asked = tokio::spawn(async move {
            let _lane = match lane {
                Some(lane) => Some(lanes[lane].lock().await),
                None => None,
            };
            // It is never closed.
            let _slot = slots.acquire_owned().await;
            client.execute(request, bytes).await.and_then(read)
        });
        Box::pin(async move {
            match asked.await {
                Ok(result) => result.map_err(|failure| Error::Unavailable(failure.message)),
                Err(error) => Err(Error::Internal(error.to_string())),
            }
        })
    }
}

impl KvStore for ServerStore {
    fn get(&self, key: &str, _: UnixSeconds) -> Answer<Option<Entry>> {
        let key = key.to_owned();
        let request = |namespace| Request::KvGet { namespace, key };
        Answer::Later(self.ask(None, request, Bytes::new(), |reply| {
            let bytes = reply.bytes.clone();
            let found: Option<KvAttributes> = reply.read()?;
            Ok(found.map(|attributes| Entry {
                value: Value::Whole(bytes),
                metadata: attributes.metadata.map(Into::into),
            }))
        }))
    }

    fn put(&self, key: String, value: Bytes, attributes: Attributes) -> Later<()> {
        let Attributes { expiration, metadata } = attributes;
        let attributes = KvAttributes { expiration, metadata: metadata.map(String::from) };
        let lane = key.clone();
        let request = |namespace| Request::KvPut { namespace, key, attributes };
        self.ask(Some(&lane), request, value, |_| Ok(()))
    }

    fn put_pieces(&self, key: String, attributes: Attributes) -> Box<dyn ValueWriter> {
        Box::new(Writer { store: self.clone(), key, attributes, value: BytesMut::new() })
    }

    fn delete(&self, keys: Vec<String>) -> Later<()> {
        self.ask(None, |namespace| Request::KvDelete { namespace, keys }, Bytes::new(), |_| Ok(()))
    }

    fn list(&self, query: ListQuery, _: UnixSeconds) -> Answer<ListPage> {
        let ListQuery { prefix, after, limit } = query;
        let request = |namespace| Request::KvList { namespace, prefix, after, limit };
        Answer::Later(self.ask(None, request, Bytes::new(), |reply| {
            let KvPage { keys, complete } = reply.read()?;
            let key = |(name, attributes): (String, KvAttributes)| ListedKey {
                name,
                expiration: attributes.expiration,
                metadata: attributes.metadata.map(Into::into),
            };
            Ok(ListPage { keys: keys.into_iter().map(key).collect(), complete })
        }))
    }
}

/// Gathers a value, which has 25 MiB at most.
struct Writer {
    store: ServerStore,
    key: String,
    attributes: Attributes,
    value: BytesMut,
}

impl ValueWriter for Writer {
    fn write(&mut self, piece: Bytes) -> Later<()> {
        self.value.extend_from_slice(&piece);
        Box::pin(std::future::ready(Ok(())))
    }

    fn commit(self: Box<Self>) -> Later<()> {
        self.store.put(self.key, self.value.freeze(), self.attributes)
    }
}
