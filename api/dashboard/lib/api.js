// The API that wrangler speaks, and what the server adds at /api/v1.

const KEY = "selvedge.token";

export const session = {
  get token() { return sessionStorage.getItem(KEY); },
  set token(value) {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  },
};

export class ApiFailure extends Error {
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

let onUnauthorized = () => {};
export function whenUnauthorized(callback) { onUnauthorized = callback; }

async function request(method, path, { json, body, headers, raw } = {}) {
  const url = path.startsWith("/api/") ? path : `/client/v4${path}`;
  const init = { method, headers: { Authorization: `Bearer ${session.token}`, ...headers }, body };
  if (json !== undefined) {
    init.body = JSON.stringify(json);
    init.headers["Content-Type"] ??= "application/json";
  }
  let response;
  try {
    response = await fetch(url, init);
  } catch {
    throw new ApiFailure("The server cannot be reached.", 0);
  }
  if (raw && response.ok) return response;
  const text = await response.text();
  let envelope;
  try {
    envelope = text === "" ? { success: response.ok, result: null } : JSON.parse(text);
  } catch {
    throw new ApiFailure(`The server answered ${response.status} with what is no JSON.`, response.status);
  }
  if (!envelope.success) {
    const error = envelope.errors?.[0];
    if (response.status === 401) onUnauthorized();
    throw new ApiFailure(error ? `${error.message} (${error.code})` : `The server answered ${response.status}.`,
      response.status, error?.code);
  }
  return raw ? response : envelope;
}

const result = async (promise) => (await promise).result;
const segment = encodeURIComponent;

export const get = (path) => result(request("GET", path));
export const post = (path, json) => result(request("POST", path, { json }));
export const put = (path, json) => result(request("PUT", path, { json }));
export const patch = (path, json) => result(request("PATCH", path, { json }));
export const del = (path) => result(request("DELETE", path));
export const page = (path) => request("GET", path);

// What is not there is an answer too.
export async function maybe(promise, otherwise) {
  try {
    return await promise;
  } catch (error) {
    if (error.status === 404 || error.status === 403) return otherwise;
    throw error;
  }
}

// A list that comes in numbered pages, whole.
export async function all(path) {
  const items = [];
  for (let number = 1; ; number += 1) {
    const glue = path.includes("?") ? "&" : "?";
    const { result: found, result_info: info } = await page(`${path}${glue}page=${number}&per_page=100`);
    items.push(...(found ?? []));
    if (!found?.length || !info?.total_count || items.length >= info.total_count) return items;
  }
}

export class Account {
  constructor(id) { this.id = id; this.path = `/accounts/${segment(id)}`; }
  script(name) { return `${this.path}/workers/scripts/${segment(name)}`; }
  scripts() { return all(`${this.path}/workers/scripts`); }
  list(path) { return all(`${this.path}/${path}`); }
  namespaces() { return all(`${this.path}/storage/kv/namespaces`); }
  namespace(id) { return `${this.path}/storage/kv/namespaces/${segment(id)}`; }
  objectNamespaces() { return all(`${this.path}/workers/durable_objects/namespaces`); }
  objects(id, cursor) {
    const after = cursor ? `&cursor=${segment(cursor)}` : "";
    return page(`${this.path}/workers/durable_objects/namespaces/${segment(id)}/objects?limit=100${after}`);
  }
  tokens() { return all(`${this.path}/tokens`); }
  figures() { return get(`/api/v1${this.path}/figures`); }
  logs(query) {
    const parameters = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
    return get(`/api/v1${this.path}/logs?${parameters}`);
  }
  async value(namespace, key) {
    const response = await request("GET", `${this.namespace(namespace)}/values/${segment(key)}`, { raw: true });
    return new Uint8Array(await response.arrayBuffer());
  }
  putValue(namespace, key, value, { ttl, metadata } = {}) {
    const query = ttl ? `?expiration_ttl=${segment(ttl)}` : "";
    const path = `${this.namespace(namespace)}/values/${segment(key)}${query}`;
    if (!metadata) {
      return result(request("PUT", path, { body: value, headers: { "Content-Type": "application/octet-stream" } }));
    }
    const form = new FormData();
    form.append("value", new Blob([value]));
    form.append("metadata", metadata);
    return result(request("PUT", path, { body: form }));
  }
  deleteValue(namespace, key) { return del(`${this.namespace(namespace)}/values/${segment(key)}`); }
}
