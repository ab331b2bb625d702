// Service bindings and stubs as older compatibility dates have them: with `get()`,
// `put()` and `delete()` beside `fetch()`, which throw at once what is no argument.
(function () {
const { core, internals, primordials } = __bootstrap;
const { Error, NumberIsNaN, StringPrototypeIncludes, StringPrototypeSplit, MathTrunc, Number, TypeError } = primordials;
const { bodies, response: responses } = internals.selvedge;

function need(args, count, method) {
  if (args.length >= count) return;
  const type = args.length === 0 ? "string" : "ReadableStream or string or ArrayBuffer or ArrayBufferView or Blob or FormData";
  throw new TypeError(`Failed to execute '${method}' on 'Fetcher': parameter ${args.length + 1} is not of type '${type}'.`);
}

/** The response, unless it tells of a failure. */
function checked(response, method) {
  const { status, statusText } = responses.innerOf(response);
  if (status < 200 || status > 299) throw new Error(`HTTP ${method} request failed: ${status} ${statusText}`);
  return response;
}

function read(response, type) {
  switch (type) {
    case "text":
      return bodies.consumeText(responses.innerOf(response).body);
    case "arrayBuffer":
      return bodies.consumeArrayBuffer(responses.innerOf(response).body);
    case "json":
      return bodies.consumeJson(responses.innerOf(response).body);
    case "stream":
      return bodies.streamOf(responses.innerOf(response).body);
    default:
      throw new TypeError('Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".');
  }
}

function integer(value) {
  const number = MathTrunc(Number(value));
  return NumberIsNaN(number) ? 0 : number;
}

/** The URL with what the options say in its query. */
function withOptions(url, options) {
  if (options === undefined || options === null) return url;
  if (typeof options !== "object" && typeof options !== "function") {
    throw new TypeError("Failed to execute 'put' on 'Fetcher': parameter 3 is not of type 'PutOptions'.");
  }
  const { expiration, expirationTtl } = options;
  let out = StringPrototypeSplit(url, "#")[0];
  const add = (name, value) => {
    if (value === undefined) return;
    out += `${StringPrototypeIncludes(out, "?") ? "&" : "?"}${name}=${integer(value)}`;
  };
  add("expiration", expiration);
  add("expiration_ttl", expirationTtl);
  return out;
}

/** Adds the shortcuts to methods among which there is `fetch`. */
function addShortcuts(methods) {
  const added = {
    async get(url, type = undefined) {
      need(arguments, 1, "get");
      const response = await methods.fetch(`${url}`);
      if (responses.innerOf(response).status === 404) return null;
      return read(checked(response, "GET"), type === undefined || type === null ? "text" : `${type}`);
    },
    async put(url, body, options = undefined) {
      need(arguments, 2, "put");
      const sent = body === undefined || body === null ? `${body}` : body;
      checked(await methods.fetch(withOptions(`${url}`, options), { __proto__: null, method: "PUT", body: sent }), "PUT");
    },
    async delete(url) {
      need(arguments, 1, "delete");
      checked(await methods.fetch(`${url}`, { __proto__: null, method: "DELETE" }), "DELETE");
    },
  };
  methods.get = added.get;
  methods.put = added.put;
  methods.delete = added.delete;
}

/** Makes of the methods of a binding or stub what they are at the Worker's date. */
function makeOlder(methods) {
  if (methods.fetch === undefined) return;
  if (internals.isOff("fetcher_no_get_put_delete")) addShortcuts(methods);
  if (!internals.isOff("capture_async_api_throws")) return;
  const { throwing } = core.loadExtScript("ext:selvedge/legacy/sync_throws.js");
  const names = ["fetch", "get", "put", "delete"];
  for (let i = 0; i < names.length; i++) {
    if (methods[names[i]] !== undefined) methods[names[i]] = throwing(methods[names[i]]);
  }
}

return { makeOlder };
})();
