// `fetch()`: subrequests through the host's one way out.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_fetch, op_fetch_cancel } = core.ops;
const {
  JSONStringify,
  PromiseReject,
  RegExpPrototypeExec,
  SafeRegExp,
  StringPrototypeSlice,
  StringPrototypeStartsWith,
  TypeError,
} = primordials;
const { bodies, headers: h, io: contexts, request: requests, response: responses } = internals.selvedge;
const { add } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { upload } = core.loadExtScript("ext:selvedge/streams.js");

const HTTP = new SafeRegExp("^https?:");
const WITH_HOST = new SafeRegExp("^([a-z][a-z0-9+.-]*)://");
const UPGRADE = new SafeRegExp("^websocket$", "i");

function fetch(input, init = undefined) {
  try {
    if (arguments.length === 0) {
      throw new TypeError(
        "Failed to execute 'fetch' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Request or string'.",
      );
    }
    const io = contexts.required();
    const request = init === undefined && requests.isRequest(input) ? input : new requests.Request(input, init);
    return send(io, requests.partsOf(request), undefined);
  } catch (error) {
    return PromiseReject(error);
  }
}

/** `fetch()` of a service binding: the request goes to another Worker. */
function fetchService(service, input, init) {
  try {
    const io = contexts.required();
    const request = init === undefined && requests.isRequest(input) ? input : new requests.Request(input, init);
    return send(io, requests.partsOf(request), service, fromCallee);
  } catch (error) {
    return PromiseReject(error);
  }
}

const CONTROLS = { __proto__: null, "no-store": "no-store", "no-cache": "no-cache" };

/** What a request says of the cache, if it says anything. */
function cachingOf({ cache, cf }) {
  let text = undefined;
  // What the option once said of the response, too.
  const control = cache === undefined || !internals.isOff("cache_option_preserves_cache_control")
    ? undefined
    : CONTROLS[cache];
  if (typeof cf === "object" && cf !== null) {
    const { cacheEverything, cacheKey, cacheTags, cacheTtl, cacheTtlByStatus } = cf;
    const cacheControl = cf.cacheControl ?? control;
    if (
      cacheControl !== undefined || cacheEverything !== undefined || cacheKey !== undefined || cacheTags !== undefined ||
      cacheTtl !== undefined || cacheTtlByStatus !== undefined
    ) {
      text = JSONStringify([
        cacheTtl, cacheTtlByStatus, cacheEverything, cacheKey, cacheTags, cacheControl,
      ]);
    }
  } else if (control !== undefined) {
    text = JSONStringify([null, null, null, null, null, control]);
  }
  return text === undefined && cache === undefined ? undefined : { mode: cache, cf: text };
}

/** The same URL with `http:`, for old dates: they know no other scheme. */
function asHttp(url) {
  const scheme = RegExpPrototypeExec(WITH_HOST, url);
  if (scheme === null || !internals.isOff("fetch_refuses_unknown_protocols")) {
    throw new TypeError(`Fetch API cannot load: ${url}`);
  }
  let warning = `Worker passed an invalid URL to fetch(). URLs passed to fetch() must begin with either 'http:' or ` +
    `'https:', not '${scheme[1]}:'. Due to a historical bug, any other protocol used here will be treated the same as ` +
    `'http:'. We plan to correct this bug in the future, so please update your Worker to use 'http:' or 'https:' for ` +
    `all fetch() URLs.`;
  if (scheme[1] === "ws" || scheme[1] === "wss") {
    warning += ` Note that fetch() treats WebSockets as a special kind of HTTP request, therefore WebSockets should use ` +
      `'http:'/'https:', not 'ws:'/'wss:'.`;
  } else if (scheme[1] === "ftp") warning += " fetch() does not support the FTP protocol.";
  core.loadExtScript("ext:selvedge/console.js").console.warn(warning);
  return `http${StringPrototypeSlice(url, scheme[1].length)}`;
}

/** `received`: makes of what came back what the caller gets. */
async function send(io, parts, service, received = toResponse) {
  if (service === undefined && StringPrototypeStartsWith(parts.url, "data:")) {
    if (parts.signal !== null && parts.signal.aborted) throw parts.signal.reason;
    return core.loadExtScript("ext:selvedge/fetch/data_url.js").fetchData(parts.url);
  }
  let { url } = parts;
  if (RegExpPrototypeExec(HTTP, url) === null) {
    const http = asHttp(url);
    // Another Worker sees it as it is.
    if (service === undefined) url = http;
  }
  const { signal, body } = parts;
  if (signal !== null && signal.aborted) throw signal.reason;

  let bytes = null;
  let rid = undefined;
  if (body !== null) {
    if (bodies.isUsed(body)) throw new TypeError("Cannot reconstruct a Request with a used body.");
    if (body.stream === null && body.kind === bodies.TEXT) {
      bytes = core.encode(body.source);
      body.used = true;
    } else if (body.stream === null && body.kind === bodies.BYTES) {
      bytes = body.source;
      body.used = true;
    } else {
      rid = upload(io, body);
    }
  }
  const upgrade = h.getRaw(parts.headers, "upgrade");
  const wantsSocket = upgrade !== null && RegExpPrototypeExec(UPGRADE, upgrade) !== null;
  const socket = wantsSocket ? internals.selvedge.websockets().reserve(io) : undefined;

  let cancelRid = undefined;
  if (signal !== null) {
    cancelRid = op_fetch_cancel();
    signal[add](() => core.tryClose(cancelRid));
  }
  let result;
  try {
    result = await op_fetch(
      {
        slot: io.slot,
        method: parts.method,
        url,
        redirect: parts.redirect,
        keepEncoding: parts.keepEncoding,
        body: rid,
        cancel: cancelRid,
        socket,
        service,
        depth: contexts.eventDepth(),
        caching: cachingOf(parts),
      },
      h.toBlob(parts.headers),
      bytes,
    );
  } catch (error) {
    if (socket !== undefined) internals.selvedge.websockets().unreserve(socket);
    if (signal !== null && signal.aborted) throw signal.reason;
    throw error;
  }
  return received(io, result, socket, signal);
}

/** What another Worker answered; that it has a failure to tell of, no Worker can say itself. */
function fromCallee(io, result, socket, signal) {
  const answer = toResponse(io, result, socket, signal);
  // `FAILED` in the script that knows more of it.
  if (result.status !== 900) return answer;
  throw core.loadExtScript("ext:selvedge/rpc/failures.js").failureOf(answer);
}

function toResponse(io, result, socket, signal) {
  let body = null;
  if (result.body !== null && result.body !== undefined) {
    contexts.ownBody(io, result.body);
    body = bodies.nativeBody(io, result.body);
    if (signal !== null) {
      body.signal = signal;
      const rid = result.body;
      signal[add](() => core.tryClose(rid));
    }
  }
  let webSocket = null;
  if (socket !== undefined) {
    if (result.websocket) webSocket = internals.selvedge.websockets().accepted(io, socket);
    else internals.selvedge.websockets().unreserve(socket);
  }
  const headers = h.fromBlob(result.headers, true);
  return responses.fromNetwork({
    status: result.status,
    statusText: result.statusText,
    headers,
    body,
    url: result.url,
    redirected: result.redirected,
    webSocket,
  });
}

return { asHttp, fetch, fetchService, send, toResponse };
})();
