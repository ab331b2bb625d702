// `fetch()`: subrequests through the host's one way out.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_fetch, op_fetch_cancel } = core.ops;
const {
  PromisePrototypeThen,
  PromiseReject,
  RegExpPrototypeExec,
  SafeRegExp,
  StringPrototypeSlice,
  TypeError,
} = primordials;
const { bodies, headers: h, io: contexts, request: requests, response: responses } = internals.selvedge;
const { add } = core.loadExtScript("ext:deno_web/03_abort_signal.js");
const { op_body_close } = core.ops;
const { acquireReader, read, cancel } = core.loadExtScript("ext:selvedge/streams.js");
const { op_body_pipe_new, op_body_pipe_write, op_body_pipe_ready, op_body_pipe_end } = core.ops;

const HTTP = new SafeRegExp("^https?:");
const UPGRADE = new SafeRegExp("^websocket$", "i");

function fetch(input, init = undefined) {
  try {
    if (arguments.length === 0) {
      throw new TypeError("Failed to execute 'fetch': parameter 1 is required.");
    }
    const io = contexts.required();
    const request = init === undefined && requests.isRequest(input) ? input : new requests.Request(input, init);
    return send(io, request, undefined);
  } catch (error) {
    return PromiseReject(error);
  }
}

/** `fetch()` of a service binding: the request goes to another Worker. */
function fetchService(service, input, init) {
  try {
    const io = contexts.required();
    const request = init === undefined && requests.isRequest(input) ? input : new requests.Request(input, init);
    return send(io, request, service);
  } catch (error) {
    return PromiseReject(error);
  }
}

async function send(io, request, service) {
  const parts = requests.partsOf(request);
  if (RegExpPrototypeExec(HTTP, parts.url) === null) {
    throw new TypeError(`Fetch API cannot load: ${parts.url}`);
  }
  const { signal, body } = parts;
  if (signal !== null && signal.aborted) throw signal.reason;

  let bytes = null;
  let rid = undefined;
  if (body !== null) {
    if (bodies.isUsed(body)) throw new TypeError(bodies.USED);
    if (body.stream === null && body.kind === bodies.TEXT) {
      bytes = core.encode(body.source);
      body.used = true;
    } else if (body.stream === null && body.kind === bodies.BYTES) {
      bytes = body.source;
      body.used = true;
    } else {
      rid = bodies.takeNative(body);
      if (rid < 0) {
        const ends = op_body_pipe_new(body.length);
        rid = ends[1];
        const stream = bodies.streamOf(body);
        body.used = true;
        contexts.ownBody(io, ends[0]);
        feed(io, stream, ends[0]);
      }
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
        url: parts.url,
        redirect: parts.redirect,
        keepEncoding: parts.keepEncoding,
        body: rid,
        cancel: cancelRid,
        socket,
        service,
      },
      h.toBlob(parts.headers),
      bytes,
    );
  } catch (error) {
    if (socket !== undefined) internals.selvedge.websockets().unreserve(socket);
    if (signal !== null && signal.aborted) throw signal.reason;
    throw error;
  }
  return toResponse(io, result, socket, signal, add);
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

/** Hands a stream of the Worker's to the host, no faster than it takes it. */
function feed(io, stream, rid) {
  const reader = acquireReader(stream);
  const broken = (error) => {
    op_body_pipe_end(rid, `${error}`);
    PromisePrototypeThen(cancel(reader, error), undefined, () => {});
  };
  const take = (result) => {
    if (result.done) {
      op_body_pipe_end(rid, "");
      return;
    }
    const chunk = result.value;
    if (primordials.TypedArrayPrototypeGetSymbolToStringTag(chunk) !== "Uint8Array") {
      broken(new TypeError("This ReadableStream did not return bytes."));
      return;
    }
    if (op_body_pipe_write(rid, chunk)) step();
    else PromisePrototypeThen(op_body_pipe_ready(rid, io.slot), (open) => open ? step() : broken(new TypeError("Network connection lost.")));
  };
  const step = () => {
    PromisePrototypeThen(read(reader), take, broken);
  };
  step();
}
void StringPrototypeSlice;

return { fetch, fetchService };
})();
