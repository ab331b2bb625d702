// Stubs of Workers that are loaded or dispatched to. Their way is opened for each
// call: no stub holds a resource of the host.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_rpc_connect, op_rpc_subrequest } = core.ops;
const { PromisePrototypeThen, PromiseReject, TypeError } = primordials;
const { io: contexts, request: requests } = internals.selvedge;
const { fetchService } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
const { makeService, newFetcher } = core.loadExtScript("ext:selvedge/rpc.js");
const { later } = core.loadExtScript("ext:selvedge/rpc/later.js");
const { methodsOf } = core.loadExtScript("ext:selvedge/service.js");

/** Loaded with the first connection. */
const sockets = () => core.loadExtScript("ext:selvedge/sockets/workers.js");

/**
 * A stub. `way` opens the way, as a number that must be closed; `ready` gives a
 * promise that settles when it leads somewhere, for a context, or `null`.
 * `refusal` says why it cannot be sent to another Worker, and `failed` what `fetch()`
 * gives for an error, if it does not throw that.
 */
function makeStub({ ready, way, refusal, failed = undefined }) {
  const methods = methodsOf(undefined);
  methods.fetch = {
    fetch(input, init = undefined) {
      try {
        if (arguments.length === 0) {
          throw new TypeError("Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.");
        }
        const io = contexts.requiredOpen();
        const request = init === undefined && requests.isRequest(input) ? input : new requests.Request(input, init);
        const waited = ready(io);
        const answer = waited === null ? send(way, request) : PromisePrototypeThen(waited, () => send(way, request));
        return failed === undefined ? answer : PromisePrototypeThen(answer, undefined, failed);
      } catch (error) {
        return PromiseReject(error);
      }
    },
  }.fetch;
  methods.connect = {
    connect(address, options = undefined) {
      return sockets().connectOver(way, ready, address, options);
    },
  }.connect;
  const connect = (io) => {
    op_rpc_subrequest(io.slot);
    const waited = ready(io);
    return waited === null ? open(way, io) : later(io, waited, () => open(way, io));
  };
  return makeService(newFetcher(), methods, connect, null, "Fetcher", undefined, { __proto__: null, refusal, way });
}

function send(way, request) {
  const rid = way();
  const done = () => core.tryClose(rid);
  const answer = fetchService(rid, request);
  PromisePrototypeThen(answer, done, done);
  return answer;
}

/** A session of remote calls. */
function open(way, io) {
  const rid = way();
  try {
    return core.loadExtScript("ext:selvedge/rpc/session.js").connect(io, op_rpc_connect(rid, io.slot, contexts.eventDepth()));
  } finally {
    core.tryClose(rid);
  }
}

return { makeStub };
})();
