// `ctx` of a Durable Object
// (https://developers.cloudflare.com/durable-objects/api/state/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { JSONParse, ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;
const { io: contexts } = internals.selvedge;

const internal = { __proto__: null };
const RESET_BY_ABORT = "Application called abort() to reset Durable Object.";

class DurableObjectState {
  #actor;
  #facets = null;

  constructor(marker, actor) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
    this.#actor = actor;
  }

  get id() {
    return this.#actor.id;
  }

  get storage() {
    const { storage } = this.#actor;
    return storage === null ? undefined : storage.api;
  }

  get props() {
    const { facet } = this.#actor.home;
    return facet === null || facet.props === "" ? {} : JSONParse(facet.props);
  }

  /** The Worker's own entrypoints and namespaces, as in the context of a request. */
  get exports() {
    return internals.isOff("enable_ctx_exports") ? undefined : internals.exportsObject();
  }

  get facets() {
    return this.#facets ??= core.loadExtScript("ext:selvedge_durable/facets.js").makeFacets(this.#actor);
  }

  waitUntil(promise) {
    contexts.waitUntil(this.#actor.io, promise, internals.reportRejection);
  }

  blockConcurrencyWhile(callback) {
    if (typeof callback !== "function") {
      throw new TypeError(
        "Failed to execute 'blockConcurrencyWhile' on 'DurableObjectState': parameter 1 is not of type 'function'.",
      );
    }
    return actors().block(this.#actor, callback);
  }

  acceptWebSocket(socket, tags = undefined) {
    sockets().accept(this.#actor, socket, tags);
  }

  getWebSockets(tag = undefined) {
    return sockets().list(this.#actor, tag);
  }

  getTags(socket) {
    return sockets().tagsOf(socket);
  }

  setWebSocketAutoResponse(pair = undefined) {
    sockets().setAutoResponse(this.#actor, pair);
  }

  getWebSocketAutoResponse() {
    return sockets().autoResponse(this.#actor);
  }

  getWebSocketAutoResponseTimestamp(socket) {
    return sockets().autoResponseTime(socket);
  }

  setHibernatableWebSocketEventTimeout(ms = undefined) {
    sockets().setEventTimeout(this.#actor, ms);
  }

  getHibernatableWebSocketEventTimeout() {
    return sockets().eventTimeout(this.#actor);
  }

  abort(reason = undefined, options = undefined) {
    const text = reason === undefined ? RESET_BY_ABORT : `${reason}`;
    if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
      throw new TypeError(
        "Failed to execute 'abort' on 'DurableObjectState': parameter 2 is not of type 'AbortOptions'.",
      );
    }
    const retryAlarm = options?.retryAlarm;
    actors().abort(this.#actor, text, retryAlarm === undefined || !!retryAlarm);
  }
}

function sockets() {
  return core.loadExtScript("ext:selvedge_durable/sockets.js");
}

function actors() {
  return core.loadExtScript("ext:selvedge_durable/actor.js");
}

ObjectDefineProperty(DurableObjectState.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "DurableObjectState",
  configurable: true,
});

function makeState(actor) {
  return new DurableObjectState(internal, actor);
}

return { makeState };
})();
