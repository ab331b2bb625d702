//! From the JSON of a binding to what it is, type by type.

use serde_json::{Map, Value};

use super::{BindingKind, DispatchOutbound, InvalidBinding};

type Read = fn(&Fields<'_>) -> Result<BindingKind, InvalidBinding>;

/// All types, and how each is read.
const TYPES: &[(&str, Read)] = &[
    ("plain_text", |it| Ok(BindingKind::Text(it.any_text("text")?))),
    ("json", |it| {
        let missing = || it.invalid("\"json\" is missing");
        it.object.get("json").cloned().map(BindingKind::Json).ok_or_else(missing)
    }),
    ("secret_text", |_| Ok(BindingKind::Secret(None))),
    ("kv_namespace", |it| Ok(BindingKind::Kv { namespace: it.required("namespace_id")? })),
    ("d1", |it| Ok(BindingKind::D1 { database: it.required("id")? })),
    ("queue", |it| {
        let (queue, delay) = (it.required("queue_name")?, it.seconds("delivery_delay")?);
        Ok(BindingKind::Queue { queue, delay })
    }),
    ("r2_bucket", |it| Ok(BindingKind::R2 { bucket: it.required("bucket_name")? })),
    ("analytics_engine", |it| Ok(BindingKind::Dataset { dataset: it.required("dataset")? })),
    ("ratelimit", |it| it.rate_limit()),
    ("send_email", |it| {
        Ok(BindingKind::Email {
            destination: it.optional("destination_address")?,
            destinations: it.texts("allowed_destination_addresses")?,
            senders: it.texts("allowed_sender_addresses")?,
        })
    }),
    ("hyperdrive", |it| Ok(BindingKind::Hyperdrive { config: it.required("id")? })),
    ("secrets_store_secret", |it| {
        let (store, secret) = (it.required("store_id")?, it.required("secret_name")?);
        Ok(BindingKind::StoreSecret { store, secret })
    }),
    ("workflow", |it| {
        Ok(BindingKind::Workflow {
            workflow: it.required("workflow_name")?,
            class: it.required("class_name")?,
            script: it.other_worker("script_name")?,
        })
    }),
    ("durable_object_namespace", |it| {
        let (class, script) = (it.required("class_name")?, it.other_worker("script_name")?);
        Ok(BindingKind::Objects { class, script })
    }),
    ("service", |it| {
        Ok(BindingKind::Service {
            service: it.with_environment(it.required("service")?)?,
            entrypoint: it.optional("entrypoint")?,
            props: it.object.get("props").filter(|props| !props.is_null()).cloned(),
        })
    }),
    ("worker_loader", |_| Ok(BindingKind::Loader)),
    ("dispatch_namespace", |it| {
        let (namespace, outbound) = (it.required("namespace")?, it.outbound()?);
        Ok(BindingKind::Dispatch { namespace, outbound })
    }),
    ("version_metadata", |_| Ok(BindingKind::VersionMetadata)),
    ("assets", |_| Ok(BindingKind::Assets)),
    ("wasm_module", |it| Ok(BindingKind::Wasm { part: it.required("part")? })),
    ("text_blob", |it| Ok(BindingKind::TextBlob { part: it.required("part")? })),
    ("data_blob", |it| Ok(BindingKind::DataBlob { part: it.required("part")? })),
];

/// The types of bindings that there are, as uploads call them.
pub(super) fn types() -> impl Iterator<Item = &'static str> {
    TYPES.iter().map(|(name, _)| *name)
}

pub(super) fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The keys of one binding.
pub(super) struct Fields<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) object: &'a Map<String, Value>,
}

impl Fields<'_> {
    pub(super) fn read(&self) -> Result<BindingKind, InvalidBinding> {
        match TYPES.iter().find(|(known, _)| *known == self.kind) {
            Some((_, read)) => read(self),
            None => {
                let (name, kind) = (self.name.to_owned(), self.kind.to_owned());
                Err(InvalidBinding::Unsupported { name, kind })
            }
        }
    }

    fn seconds(&self, key: &str) -> Result<Option<u32>, InvalidBinding> {
        let Some(value) = self.object.get(key).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        let refused = || self.invalid(&format!("\"{key}\" is not a number of seconds"));
        seconds.map(Some).ok_or_else(refused)
    }

    fn rate_limit(&self) -> Result<BindingKind, InvalidBinding> {
        let number = |key: &str| {
            let number = self.object.get("simple")?.get(key)?.as_u64()?;
            u32::try_from(number).ok().filter(|number| *number > 0)
        };
        let invalid = |key: &str| self.invalid(&format!("\"simple.{key}\" is not valid"));
        let limit = number("limit").ok_or_else(|| invalid("limit"))?;
        let period = number("period").filter(|period| matches!(period, 10 | 60));
        let period = period.ok_or_else(|| invalid("period"))?;
        let namespace = self.required("namespace_id")?;
        Ok(BindingKind::RateLimit { namespace, limit, period })
    }

    fn outbound(&self) -> Result<Option<DispatchOutbound>, InvalidBinding> {
        let Some(outbound) = self.object.get("outbound").filter(|it| !it.is_null()) else {
            return Ok(None);
        };
        let invalid = |key: &str| self.invalid(&format!("\"outbound.{key}\" is not valid"));
        let worker = outbound.get("worker").ok_or_else(|| invalid("worker"))?;
        let service = worker.get("service").and_then(Value::as_str).filter(|name| !name.is_empty());
        let service = service.ok_or_else(|| invalid("worker.service"))?;
        let service = match worker.get("environment").and_then(Value::as_str) {
            None | Some("production") => service.to_owned(),
            Some(environment) => format!("{service}-{environment}"),
        };
        let given = match outbound.get("params") {
            None | Some(Value::Null) => &Vec::new(),
            Some(Value::Array(given)) => given,
            Some(_) => return Err(invalid("params")),
        };
        let parameters = given.iter().map(|parameter| {
            let name = parameter.get("name").and_then(Value::as_str);
            name.map(str::to_owned).ok_or_else(|| invalid("params"))
        });
        Ok(Some(DispatchOutbound { service, parameters: parameters.collect::<Result<_, _>>()? }))
    }

    fn other_worker(&self, key: &str) -> Result<Option<String>, InvalidBinding> {
        self.optional(key)?.map(|name| self.with_environment(name)).transpose()
    }

    /// Wrangler's environments are Workers of names of their own.
    fn with_environment(&self, name: String) -> Result<String, InvalidBinding> {
        Ok(match self.optional("environment")?.as_deref() {
            None | Some("production") => name,
            Some(environment) => format!("{name}-{environment}"),
        })
    }

    fn any_text(&self, key: &str) -> Result<String, InvalidBinding> {
        let missing = || self.invalid(&format!("\"{key}\" is not a string"));
        text(self.object, key).ok_or_else(missing)
    }

    fn required(&self, key: &str) -> Result<String, InvalidBinding> {
        let found = self.any_text(key)?;
        if found.is_empty() {
            return Err(self.invalid(&format!("\"{key}\" is empty")));
        }
        Ok(found)
    }

    fn optional(&self, key: &str) -> Result<Option<String>, InvalidBinding> {
        match self.object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.required(key).map(Some),
        }
    }

    fn texts(&self, key: &str) -> Result<Option<Vec<String>>, InvalidBinding> {
        let Some(value) = self.object.get(key).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let refused = || self.invalid(&format!("\"{key}\" is not a list of strings"));
        let all = value.as_array().ok_or_else(refused)?.iter();
        let all = all.map(|text| text.as_str().map(str::to_owned).ok_or_else(refused));
        all.collect::<Result<_, _>>().map(Some)
    }

    fn invalid(&self, reason: &str) -> InvalidBinding {
        InvalidBinding::Invalid {
            name: self.name.to_owned(),
            kind: self.kind.to_owned(),
            reason: reason.to_owned(),
        }
    }
}
