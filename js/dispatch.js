// From an event to its handler and from the handler's result to the answer:
// the JavaScript half of the request path.
import { core, internals, primordials } from "ext:selvedge/core.js";
import {
  op_context_error,
  op_context_fail,
  op_context_gone,
  op_reply_abort,
  op_reply_bytes,
  op_reply_end,
  op_reply_kept,
  op_reply_pipe,
  op_reply_plain,
  op_reply_ready,
  op_reply_stream,
  op_reply_text,
  op_reply_upgrade,
  op_reply_write,
} from "ext:core/ops";
import { entry, eventContext, handlerFor, namedHandler } from "ext:selvedge/entrypoints.js";
import { fetchEvent, scheduledEvent } from "ext:selvedge/events/service_worker.js";
import { Body, BYTES, isLocked, isUsed, STREAM, streamOf, takeNative, TEXT, USED } from "ext:selvedge/fetch/body.js";
import { getRaw, toBlob } from "ext:selvedge/fetch/headers.js";
import { abortIncoming, incoming } from "ext:selvedge/fetch/request.js";
import { innerOf, isResponse, rawInnerOf } from "ext:selvedge/fetch/response.js";
import { beginTurn, wakeAgain } from "ext:selvedge/gates.js";
import { end, forget, IoContext, live, runIn, settle } from "ext:selvedge/io_context.js";
import { lazy } from "ext:selvedge/lazy.js";
import { isOff } from "ext:selvedge/shared.js";
import { viewOf } from "ext:selvedge/views.js";

const { setAsyncContext } = core;
const {
  JSONParse,
  PromisePrototypeThen,
  PromiseResolve,
  TypedArrayPrototypeGetByteLength,
  TypeError,
} = primordials;

const streams = lazy("ext:selvedge/streams.js");
const compression = lazy("ext:deno_web/14_compression.js");
const sockets = lazy("ext:selvedge/websocket.js");
const exceptions = lazy("ext:deno_web/01_dom_exception.js");

const TEXT_TYPE = "text/plain;charset=UTF-8";
const TEXT_HEADERS = "content-type\0text/plain;charset=UTF-8";
const JSON_TYPE = "application/json";
const JSON_HEADERS = "content-type\0application/json";

const HUNG =
  "The Workers runtime canceled this request because it detected that your Worker's code had hung " +
  "and would never generate a response. Refer to: https://developers.cloudflare.com/workers/observability/errors/";

let env = null;

function setEnv(value) {
  env = value;
}

/** `env` with what the terms of a call add to it, as JSON. */
function envWith(given) {
  return { ...env, ...JSONParse(given) };
}

/**
 * A request came in. A service binding may name an export and `ctx.props`, and its
 * terms give entries for `env`. What comes after them names a Durable Object: the script that receives for it, the
 * namespace, id, name and jurisdiction.
 */
function fetch(slot, method, url, headBlob, hasBody, edgeBlob, entrypoint, props, given, receiver) {
  beginTurn();
  const io = new IoContext(slot);
  setAsyncContext(io);
  if (receiver !== undefined) {
    const request = { __proto__: null, method, url, headBlob, hasBody };
    // Its errors are answers, too.
    PromisePrototypeThen(
      core.loadExtScript(receiver).receive(io, request, arguments[10], arguments[11], arguments[12], arguments[13]),
      (response) => answer(io, response),
      (error) => fail(io, error),
    );
    setAsyncContext(undefined);
    return;
  }
  let own = env;
  if (given !== undefined) {
    own = envWith(given);
    setAsyncContext({ __proto__: null, io, slot, env: own });
  }
  let result;
  try {
    const request = incoming(io, method, url, headBlob, hasBody, edgeBlob);
    if (entry.listeners && entrypoint === undefined) {
      result = fetchEvent(io, request);
    } else {
      const ctx = eventContext(io, props, entrypoint);
      const handler = entrypoint === undefined
        ? handlerFor("fetch", ctx, own)
        : namedHandler(entrypoint, ctx, own);
      if (typeof handler.fetch !== "function") {
        throw new TypeError("Handler does not export a fetch() function.");
      }
      result = handler.fetch(request, own, ctx);
    }
  } catch (error) {
    setAsyncContext(undefined);
    fail(io, error);
    return;
  }
  if (core.isPromise(result)) {
    PromisePrototypeThen(result, (response) => answer(io, response), (error) => fail(io, error));
  } else if (isResponse(result)) {
    answer(io, result);
  } else {
    // A thenable, or not a response: `answer` tells.
    PromisePrototypeThen(
      PromiseResolve(result),
      (response) => answer(io, response),
      (error) => fail(io, error),
    );
  }
  setAsyncContext(undefined);
}

/** A cron trigger fired. */
function scheduled(slot, cron, scheduledTime) {
  beginTurn();
  const io = new IoContext(slot);
  setAsyncContext(io);
  const done = () => {
    io.answered = true;
    settle(io);
  };
  try {
    let result;
    if (entry.listeners) {
      scheduledEvent(io, cron, scheduledTime);
    } else {
      const ctx = eventContext(io, undefined);
      const handler = handlerFor("scheduled", ctx, env);
      if (typeof handler.scheduled !== "function") {
        throw new TypeError("Handler does not export a scheduled() function");
      }
      const controller = { cron, scheduledTime, type: "scheduled", noRetry() {} };
      result = handler.scheduled(controller, env, ctx);
    }
    PromisePrototypeThen(PromiseResolve(result), done, (error) => fail(io, error));
  } catch (error) {
    fail(io, error);
  }
  setAsyncContext(undefined);
}

/** The handler threw, or its result is no response. */
function fail(io, error) {
  if (io.over) return;
  io.answered = true;
  op_context_error(io.slot, error);
  settle(io);
}

function headersOf(inner) {
  if (inner.headers !== null) return toBlob(inner.headers);
  const type = inner.type;
  if (type === TEXT_TYPE) return TEXT_HEADERS;
  if (type === JSON_TYPE) return JSON_HEADERS;
  return type === null ? "" : `content-type\0${type}`;
}

/** Sends a response. */
function answer(io, response) {
  if (io.over) return;
  if (io.answered) {
    // The client is gone: nobody wants the body.
    discard(response);
    settle(io);
    return;
  }
  try {
    if (!isResponse(response)) {
      throw new TypeError("Incorrect type for Promise: the Promise did not resolve to 'Response'.");
    }
    send(io, rawInnerOf(response));
  } catch (error) {
    fail(io, error);
  }
}

/** Sends a response that the host has whole; whether it could. */
function sendUnseen(io, inner) {
  // What waits may still look at it.
  if (inner.unseen !== io || io.over || io.waiting !== 0 || io.sockets !== 0) return false;
  io.unseen = null;
  inner.body.used = true;
  io.answered = true;
  forget(io);
  op_reply_kept(io.slot, inner.body.source);
  return true;
}

function send(io, inner) {
  if (inner.unseen !== null) {
    if (sendUnseen(io, inner)) return;
    inner.see();
  }
  let body = inner.body;
  if (inner.webSocket !== null) {
    upgrade(io, inner);
    return;
  }
  if (inner.status === 0) {
    throw new TypeError("Response.error() cannot be sent to a client.");
  }
  if (body !== null) {
    if (isUsed(body)) throw new TypeError(USED);
    if (inner.headers !== null && inner.encodeBody === "automatic") body = encoded(inner, body);
    if (body.stream === null && (body.kind === TEXT || body.kind === BYTES)) {
      body.used = true;
      io.answered = true;
      const done = io.waiting === 0 && io.sockets === 0;
      if (done) forget(io);
      if (inner.headers === null && inner.status === 200 && body.kind === TEXT && inner.statusText === "") {
        const type = inner.type;
        if (type === TEXT_TYPE || type === JSON_TYPE) {
          op_reply_plain(io.slot, type === JSON_TYPE ? 1 : 0, body.source, done);
          return;
        }
      }
      const headers = headersOf(inner);
      if (body.kind === TEXT) {
        op_reply_text(io.slot, inner.status, inner.statusText, headers, body.source, done);
      } else {
        op_reply_bytes(io.slot, inner.status, inner.statusText, headers, body.source, done);
      }
      return;
    }
    if (isLocked(body)) {
      throw new TypeError("This ReadableStream is currently locked to a reader.");
    }
    const rid = takeNative(body);
    if (rid >= 0) {
      io.answered = true;
      op_reply_pipe(io.slot, inner.status, inner.statusText, headersOf(inner), rid);
      settle(io);
      return;
    }
    const stream = streamOf(body);
    body.used = true;
    pump(io, inner, stream, body.length);
    return;
  }
  io.answered = true;
  const done = io.waiting === 0 && io.sockets === 0;
  const headers = headersOf(inner);
  if (done) forget(io);
  op_reply_text(io.slot, inner.status, inner.statusText, headers, "", done);
}

/** Codings that a Worker may name for the platform to apply. */
const CODINGS = { __proto__: null, gzip: "gzip", deflate: "deflate", br: "brotli" };

/** The body under the coding that the response's headers announce. */
function encoded(inner, body) {
  const name = getRaw(inner.headers, "content-encoding");
  const coding = name === null ? undefined : CODINGS[name];
  if (coding === undefined || (coding === "brotli" && isOff("brotli_content_encoding"))) return body;
  const { CompressionStream, sidesOfCompression } = compression();
  const stream = streams().through(streamOf(body), sidesOfCompression(new CompressionStream(coding)));
  const coded = new Body(STREAM, stream);
  coded.stream = stream;
  return coded;
}

/** Pushes a stream to the client, no faster than it takes it. */
function pump(io, inner, stream, length) {
  const { drain, ignore } = streams();
  const slot = io.slot;
  if (!op_reply_stream(slot, inner.status, inner.statusText, headersOf(inner), length)) {
    io.answered = true;
    discardStream(stream);
    settle(io);
    return;
  }
  const finish = () => {
    io.answered = true;
    settle(io);
  };
  const gone = (error) => {
    op_reply_abort(slot);
    PromisePrototypeThen(
      reading.cancel(error ?? disconnected()),
      finish,
      finish,
    );
  };
  const broken = (error) => {
    io.answered = true;
    op_context_error(slot, error);
    settle(io);
  };
  const reading = drain(io, stream, {
    __proto__: null,
    write(chunk) {
      const bytes = viewOf(chunk);
      if (bytes === null) {
        const error = new TypeError("This ReadableStream did not return bytes.");
        ignore(reading.cancel(error));
        broken(error);
        return false;
      }
      if (TypedArrayPrototypeGetByteLength(bytes) === 0) return true;
      switch (op_reply_write(slot, bytes)) {
        case 0:
          return true;
        case 1:
          PromisePrototypeThen(op_reply_ready(slot), reading.resume, gone);
          return false;
        default:
          gone();
          return false;
      }
    },
    close() {
      op_reply_end(slot);
      finish();
    },
    error: broken,
  });
  io.onCancel = gone;
  reading.resume();
}

function disconnected() {
  const { DOMException } = exceptions();
  return new DOMException("The client has disconnected", "AbortError");
}

function discard(response) {
  if (!isResponse(response)) return;
  const body = innerOf(response).body;
  if (body !== null && !isUsed(body) && !isLocked(body)) discardStream(streamOf(body));
}

function discardStream(stream) {
  streams().discard(stream, disconnected());
}

/** The connection becomes a WebSocket. */
function upgrade(io, inner) {
  const socket = sockets().takeForResponse(io, inner.webSocket);
  const headers = headersOf(inner);
  op_reply_upgrade(io.slot, headers, socket);
  sockets().connected(socket);
  io.answered = true;
  settle(io);
}

/** The client went away before its answer was whole. */
function abort(slot) {
  beginTurn();
  const io = live[slot];
  if (io === undefined || io.over) return;
  const reason = disconnected();
  runIn(io, () => abortIncoming(io, reason));
  if (!io.answered) {
    io.answered = true;
    op_context_gone(slot);
  }
  const cancel = io.onCancel;
  io.onCancel = null;
  if (cancel !== null && cancel !== undefined) runIn(io, cancel, reason);
  settle(io);
}

/** The time after the response is over. */
function expired(slot) {
  beginTurn();
  const io = live[slot];
  if (io === undefined || io.over) return;
  if (io.waiting > 0) {
    globalThis.console.warn(
      "waitUntil() tasks did not complete within the allowed time after invocation end and have been " +
        "cancelled. See: https://developers.cloudflare.com/workers/runtime-apis/context/#waituntil",
    );
  }
  forget(io);
}

/** Nothing is left that could ever bring an answer. */
function hung(slot) {
  beginTurn();
  const io = live[slot];
  if (io === undefined || io.over || io.answered || internals.objects?.areBusy()) return;
  io.answered = true;
  op_context_fail(slot, HUNG);
  end(io);
}

/** The context was ended from outside: nothing of it may go on. */
function discardContext(slot) {
  beginTurn();
  wakeAgain();
  const io = live[slot];
  if (io === undefined || io.over) return;
  forget(io);
  if (io.gate !== null) io.discarded();
}

function websocket(id, kind, data, extra) {
  beginTurn();
  sockets().deliver(id, kind, data, extra);
}

export { abort, discardContext, envWith, expired, fail, fetch, hung, scheduled, setEnv, websocket };
