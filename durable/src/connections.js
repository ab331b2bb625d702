// Connections to objects: `connect()` of their stubs, and the `connect()` methods of
// their classes.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_context_error, op_do_call, op_socket_call, op_socket_connected, op_socket_hand_on, op_socket_pair } =
  core.ops;
const { PromisePrototypeThen } = primordials;
const { io: contexts } = internals.selvedge;
const { call, CONNECT, find } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { way } = core.loadExtScript("ext:selvedge_durable/elsewhere.js");
const { again, tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");
const { addressesOf, connectTo, serve } = core.loadExtScript("ext:selvedge/sockets/workers.js");

/**
 * A socket to an object. `bond` tells whether the stub broke; `begin` gives a promise
 * that settles when the object can be called, or `null`.
 */
function connectObject(target, bond, begin, address, options) {
  return connectTo(async (io, text) => {
    const waited = begin();
    if (waited !== null) await waited;
    if (bond.broken !== null) throw again(bond.broken);
    const actor = found(target, bond);
    if (actor === null) {
      const rid = way(target, "");
      let connecting;
      try {
        connecting = op_socket_call(rid, io.slot, contexts.eventDepth(), text);
      } finally {
        core.tryClose(rid);
      }
      return await op_socket_connected(connecting, io.slot, text);
    }
    const depth = op_do_call(io.slot, contexts.eventDepth(), false);
    const pair = op_socket_pair(text);
    const arrived = pair[1];
    // Where the caller ends before the object takes it, nobody is left to close it.
    contexts.ownBody(io, arrived);
    const over = (error) => {
      contexts.disownBody(io, arrived);
      core.tryClose(arrived);
      noteReset(bond, error);
    };
    PromisePrototypeThen(enter(actor, arrived, addressesOf(undefined, text), depth), over, over);
    return await op_socket_connected(pair[0], io.slot, text);
  }, address, options);
}

function found(target, bond) {
  try {
    return find(target.home, target);
  } catch (error) {
    noteReset(bond, error);
    throw tunnelled(error);
  }
}

function noteReset(bond, error) {
  if (typeof error === "object" && error !== null && error.durableObjectReset === true) bond.broken ??= error;
}

/** Lets a connection into an object. */
function enter(actor, arrived, addresses, depth) {
  const what = { __proto__: null, kind: CONNECT, text: "connect", url: addresses.localAddress, depth };
  return call(actor, (instance) => serve(instance, arrived, addresses), undefined, what);
}

/** A connection that came from another isolate, or from a client. */
async function receiveFor(target, io, arrived, addresses) {
  let actor;
  let depth;
  contexts.ownBody(io, arrived);
  try {
    actor = find(target.home, target);
    if (actor === null) {
      // It has moved since the connection was sent here.
      const rid = way(target, "");
      try {
        op_socket_hand_on(arrived, rid, io.slot);
      } finally {
        core.tryClose(rid);
      }
      return;
    }
    depth = op_do_call(io.slot, contexts.eventDepth(), true);
  } catch (error) {
    op_context_error(io.slot, error);
    throw error;
  }
  await enter(actor, arrived, addresses, depth);
}

return { connectObject, receiveFor };
})();
