// What bindings are called, what they lead to, and where in this page that is.

const list = (values) => (values ?? []).join(", ");

// By type; `target` is what it leads to, `link` the page that shows it.
export const BINDINGS = {
  plain_text: { label: "Variable", target: (one) => one.text },
  json: { label: "Variable (JSON)", target: (one) => JSON.stringify(one.json) },
  secret_text: { label: "Secret", target: () => "set, not shown" },
  kv_namespace: { label: "KV namespace", target: (one) => one.namespace_id, link: (one) => `#/kv/${one.namespace_id}` },
  d1: { label: "D1 database", target: (one) => one.database_name ?? one.id, link: () => "#/stores/d1" },
  r2_bucket: { label: "R2 bucket", target: (one) => one.bucket_name, link: () => "#/stores/r2" },
  queue: { label: "Queue", target: (one) => one.queue_name, link: () => "#/stores/queues" },
  durable_object_namespace: {
    label: "Durable Objects",
    target: (one) => (one.script_name ? `${one.class_name} of ${one.script_name}` : one.class_name),
    link: (one) => (one.namespace_id ? `#/objects/${one.namespace_id}` : "#/objects"),
  },
  workflow: { label: "Workflow", target: (one) => `${one.workflow_name} (${one.class_name})`, link: () => "#/stores/workflows" },
  service: {
    label: "Worker",
    target: (one) => (one.entrypoint ? `${one.service}#${one.entrypoint}` : one.service),
    link: (one) => `#/workers/${encodeURIComponent(one.service)}`,
  },
  dispatch_namespace: {
    label: "Dispatch namespace",
    target: (one) => (one.outbound ? `${one.namespace}, out through ${one.outbound.worker?.service}` : one.namespace),
    link: () => "#/stores/dispatch",
  },
  worker_loader: { label: "Worker Loader", target: () => "code that comes at run time" },
  hyperdrive: { label: "Hyperdrive", target: (one) => one.id, link: () => "#/stores/hyperdrive" },
  secrets_store_secret: { label: "Secrets Store secret", target: (one) => `${one.secret_name} of ${one.store_id}`, link: () => "#/stores/secrets" },
  ratelimit: { label: "Rate limit", target: (one) => `${one.simple?.limit} in ${one.simple?.period} s, counter ${one.namespace_id}` },
  analytics_engine: { label: "Analytics Engine dataset", target: (one) => one.dataset },
  send_email: {
    label: "Email",
    target: (one) => {
      const to = one.destination_address ?? list(one.allowed_destination_addresses);
      const from = list(one.allowed_sender_addresses);
      return `to ${to || "all addresses"}${from ? `, from ${from}` : ""}`;
    },
  },
  version_metadata: { label: "Version metadata", target: () => "id, tag and time of the version" },
  assets: { label: "Static assets", target: () => "the files of the version" },
  wasm_module: { label: "WebAssembly module", target: (one) => one.part },
  text_blob: { label: "Text", target: (one) => one.part },
  data_blob: { label: "Data", target: (one) => one.part },
};

// A type that this page does not know is shown as the API has it.
export function described(one) {
  const known = BINDINGS[one.type];
  if (!known) return { label: one.type, target: "", link: null };
  return { label: known.label, target: String(known.target(one) ?? ""), link: known.link?.(one) ?? null };
}
