// Requests to objects that live in another isolate, and what they answer. Such a
// request goes over HTTP on a pipe of the host. An answer that is no response of
// the object's has a status that no Worker can set.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_do_target, op_rpc_connect, op_rpc_subrequest } = core.ops;
const {
  JSONStringify,
  NumberPrototypeToString,
  PromisePrototypeThen,
  StringPrototypeCharCodeAt,
  StringPrototypePadStart,
  StringPrototypeSlice,
  TypedArrayPrototypeGetByteLength,
} = primordials;
const { headers, io: contexts, response: responses } = internals.selvedge;
const { send, toResponse } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
const { encodeThrown } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { FAILED, failureOf, FLAGS, HEADER } = core.loadExtScript("ext:selvedge/rpc/failures.js");
const { toBytes } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");
const { flagged, OVERLOADED } = core.loadExtScript("ext:selvedge_durable/actor.js");

/** The slot of no context. */
const NOBODY = -1;
/** The body is encoded as its headers say. */
const ENCODED = "selvedge-encoded";
/** What of an error's texts goes along, so that they fit a header. */
const MOST = 8000;
/** Bytes of an error with all that it was given; of a longer one only texts go along. */
const MOST_BYTES = 4096;

/** A session of remote calls to an object that is not in this isolate. */
function connectElsewhere(io, target) {
  op_rpc_subrequest(io.slot);
  const rid = way(target, "");
  try {
    return core.loadExtScript("ext:selvedge/rpc/session.js").connect(io, op_rpc_connect(rid, io.slot, contexts.eventDepth()));
  } catch (error) {
    throw told(error);
  } finally {
    core.tryClose(rid);
  }
}

/**
 * Hands on a call that came from another isolate, to where the object went
 * since that began: nobody saw anything of it yet.
 */
function forward(target, depth, path, args, answer) {
  const rid = way(target, "");
  let cap;
  try {
    cap = core.loadExtScript("ext:selvedge/rpc/session.js").connectForOthers(op_rpc_connect(rid, NOBODY, depth));
  } catch (error) {
    throw told(error);
  } finally {
    core.tryClose(rid);
  }
  cap.send(path, args, answer);
  cap.release();
}

/** The way to an object that is not in this isolate: a number that must be closed. */
function way(target, cf) {
  const { name, jurisdiction } = target;
  return op_do_target(target.home.rid, target.hex, name ?? "", jurisdiction ?? "", cf);
}

function told(error) {
  return error.message === OVERLOADED ? flagged(error, "overloaded") : error;
}

/** Sends a request to an object that is not in this isolate. */
function sendElsewhere(io, target, parts, isRedirect) {
  const cf = parts.cf === undefined || parts.cf === null ? "" : JSONStringify(parts.cf);
  const rid = way(target, cf ?? "");
  const sent = {
    __proto__: null,
    method: parts.method,
    url: parts.url,
    headers: parts.headers,
    body: parts.body,
    signal: parts.signal,
    // What it is to be encoded with is for who sends it out of the process.
    keepEncoding: true,
    // They are followed by the caller.
    redirect: "manual",
  };
  if (isRedirect && sent.body !== null) {
    const { bodies } = internals.selvedge;
    sent.body = new bodies.Body(parts.body.kind, parts.body.source);
  }
  return PromisePrototypeThen(
    send(io, sent, rid, (io, result, socket, signal) => {
      core.tryClose(rid);
      const answer = toResponse(io, result, socket, signal);
      if (result.status === FAILED) throw failureOf(answer);
      const inner = responses.innerOf(answer);
      inner.redirected = isRedirect;
      if (headers.getRaw(inner.headers, ENCODED) !== null) {
        headers.deleteRaw(inner.headers, ENCODED);
        inner.encodeBody = "manual";
      }
      return answer;
    }),
    undefined,
    (error) => {
      core.tryClose(rid);
      throw told(error);
    },
  );
}

/** An answer on its way to another isolate: nothing is encoded in between. */
function packed(answer) {
  const inner = responses.innerOf(answer);
  if (inner.encodeBody === "manual") {
    if (inner.headers !== null) headers.setRaw(inner.headers, ENCODED, "1");
  } else {
    inner.encodeBody = "manual";
  }
  return answer;
}

/** The answer that tells why there is none. */
function failureResponse(thrown) {
  const error = tunnelled(thrown);
  const parts = {
    __proto__: null,
    name: error.name,
    message: StringPrototypeSlice(error.message, 0, MOST),
    stack: typeof error.stack === "string" ? StringPrototypeSlice(error.stack, 0, MOST) : undefined,
  };
  for (let i = 0; i < FLAGS.length; i++) {
    if (error[FLAGS[i]] === true) parts[FLAGS[i]] = true;
  }
  const { bytes } = toBytes(encodeThrown(error, null), () => null);
  if (TypedArrayPrototypeGetByteLength(bytes) <= MOST_BYTES) parts.bytes = hexOf(bytes);
  return responses.fromNetwork({
    status: FAILED,
    statusText: "",
    headers: headers.fromBlob(`${HEADER}\0${ascii(JSONStringify(parts))}`, false),
    body: null,
    url: "",
    redirected: false,
    webSocket: null,
  });
}

function hexOf(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    text += StringPrototypePadStart(NumberPrototypeToString(bytes[i], 16), 2, "0");
  }
  return text;
}

/** The same JSON without what a header cannot hold. */
function ascii(json) {
  let text = "";
  let from = 0;
  for (let i = 0; i < json.length; i++) {
    const code = StringPrototypeCharCodeAt(json, i);
    if (code < 0x7f) continue;
    text += StringPrototypeSlice(json, from, i) + "\\u" + StringPrototypePadStart(NumberPrototypeToString(code, 16), 4, "0");
    from = i + 1;
  }
  return from === 0 ? json : text + StringPrototypeSlice(json, from);
}

return { connectElsewhere, failureResponse, forward, packed, sendElsewhere, way };
})();
