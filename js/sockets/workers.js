// `connect()` of service bindings and of stubs of Durable Objects, and the `connect()`
// handlers that take such connections, and those of clients.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_connection_done, op_context_error, op_socket_call, op_socket_connected } = core.ops;
const { Error, PromisePrototypeThen, TypeError } = primordials;
const { entrypoints, io: contexts } = internals.selvedge;
const { readAddress, readOptions } = core.loadExtScript("ext:selvedge/sockets/address.js");
const { Connection, socketOf } = core.loadExtScript("ext:selvedge/sockets/connection.js");

const NO_ADDRESS = "Failed to execute 'connect' on 'Fetcher': parameter 1 is not of type 'SocketAddress or string'.";
const NO_HANDLER = "Handler does not export a connect() function.";
/** What the handler's socket is: its other end may be done before it. */
const INBOUND = { __proto__: null, secureTransport: "off", allowHalfOpen: true };

// ----- The caller. -----

/**
 * A socket to a Worker or an object. `start` gets the caller's context and the address
 * as text, and gives a promise of the connection's number.
 */
function connectTo(start, address, options) {
  if (address === undefined) throw new TypeError(NO_ADDRESS);
  const { hostname, port } = readAddress(address);
  const read = readOptions(options, "Fetcher");
  if (read.secureTransport === "on") throw new Error("Incoming CONNECT with TLS not supported");
  const connection = new Connection(`${hostname}:${port}`, hostname, read, true);
  connection.open(start(connection.io, connection.address));
  return socketOf(connection);
}

/**
 * The same over a way to it. `way` opens that, as a number that must be closed; `ready`
 * gives a promise that settles when it leads somewhere, for a context, or `null`.
 */
function connectOver(way, ready, address, options) {
  return connectTo(async (io, text) => {
    const waited = ready === null ? null : ready(io);
    if (waited !== null) await waited;
    const rid = way();
    let connecting;
    try {
      connecting = op_socket_call(rid, io.slot, contexts.eventDepth(), text);
    } finally {
      core.tryClose(rid);
    }
    return await op_socket_connected(connecting, io.slot, text);
  }, address, options);
}

// ----- The callee. -----

/**
 * Calls a handler, in the present context, with a connection that came in. Settles as
 * the handler did, when the connection is closed.
 */
async function serve(handler, arrived, addresses, env, ctx) {
  if (typeof handler.connect !== "function") throw new Error(NO_HANDLER);
  const connection = new Connection(addresses.localAddress, "", INBOUND, true);
  connection.accept(arrived, addresses);
  let isFailed = false;
  let thrown;
  try {
    await handler.connect(socketOf(connection), env, ctx);
  } catch (error) {
    isFailed = true;
    thrown = error;
    // It is told of at once, also where the other end takes its time.
    if (!connection.io.over && connection.io.gate === null) op_context_error(connection.io.slot, error);
  }
  await connection.finish();
  if (isFailed) throw thrown;
}

/** What a socket's `opened` says of a connection that came in. */
function addressesOf(remote, local) {
  return { remoteAddress: remote, localAddress: local };
}

/** Ends the context of an event. */
function over(io) {
  if (io.over) return;
  op_connection_done(io.slot);
  io.answered = true;
  contexts.settle(io);
}

/** A connection came in for this Worker, or for the export that is named. */
function receive(io, arrived, remote, local, entrypoint, props, env) {
  const addresses = addressesOf(remote, local);
  let served;
  try {
    const ctx = entrypoints.eventContext(io, props, entrypoint);
    const handler = entrypoint === undefined
      ? entrypoints.handlerFor("connect", ctx, env)
      : entrypoints.namedHandler(entrypoint, ctx, env);
    if (typeof handler.connect !== "function") throw new Error(NO_HANDLER);
    served = serve(handler, arrived, addresses, env, ctx);
  } catch (error) {
    // Nobody takes it: the other end sees that.
    core.tryClose(arrived);
    op_context_error(io.slot, error);
    over(io);
    return;
  }
  const done = () => over(io);
  PromisePrototypeThen(served, done, done);
}

/** One for a Durable Object, which `receiveConnection` of a script finds. */
function receiveForObject(io, receiveConnection, arrived, remote, local) {
  const done = () => {
    core.tryClose(arrived);
    over(io);
  };
  PromisePrototypeThen(receiveConnection(io, arrived, addressesOf(remote, local)), done, done);
}

return { addressesOf, connectOver, connectTo, receive, receiveForObject, serve };
})();
