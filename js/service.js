// Service bindings: `env.NAME.fetch()` asks another Worker of this process, and
// every other name is a method of its entrypoint
// (https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_rpc_connect, op_rpc_subrequest, op_service_again, op_service_parts } = core.ops;
const { PromiseReject, TypeError } = primordials;
const { fetchService } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
const { connectHere, makeService, newFetcher } = core.loadExtScript("ext:selvedge/rpc.js");
const { io: contexts } = internals.selvedge;

/** Loaded with the first connection. */
const sockets = () => core.loadExtScript("ext:selvedge/sockets/workers.js");

/** What `fetch()` says that was not told what to fetch. */
function missingInput() {
  return new TypeError("Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.");
}

/** The methods of a binding that are not the other Worker's. */
function methodsOf(service) {
  return {
    __proto__: null,
    fetch: {
      fetch(input, init = undefined) {
        if (arguments.length === 0) return PromiseReject(missingInput());
        return fetchService(service(), input, init);
      },
    }.fetch,
    connect: {
      connect(address, options = undefined) {
        return sockets().connectOver(() => op_service_again(service()), null, address, options);
      },
    }.connect,
  };
}

/** How a session with what a binding names begins. */
function connector(rid, parts, isOwn) {
  if (isOwn) return connectHere(parts.entrypoint ?? undefined, parts.props ?? undefined);
  return (io) => {
    op_rpc_subrequest(io.slot);
    return core.loadExtScript("ext:selvedge/rpc/session.js").connect(io, op_rpc_connect(rid, io.slot, contexts.eventDepth()));
  };
}

/** What `env` holds: an object on which every name is a method of the other Worker. */
function bind(rid, _name) {
  const described = op_service_parts(rid);
  const parts = described[0];
  const connect = connector(rid, parts, described[1]);
  return makeService(newFetcher(), methodsOf(() => rid), connect, passedOn(rid), "Fetcher");
}

/** A binding on its way to another context or Worker. */
function passedOn(rid) {
  return {
    __proto__: null,
    again: () => bind(rid, ""),
    way: () => op_service_again(rid),
  };
}

return { bind, methodsOf, missingInput, passedHere: passedOn };
})();
