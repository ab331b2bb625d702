// Remote methods of Durable Objects
// (https://developers.cloudflare.com/durable-objects/best-practices/create-durable-object-stubs-and-send-requests/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_context_touch, op_do_call } = core.ops;
const { ArrayPrototypeJoin, ObjectPrototypeIsPrototypeOf, TypeError } = primordials;
const { isOn } = internals;
const { entrypoints, io: contexts } = internals.selvedge;
const { Capability, invoke } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const { encodeThrown } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { makeService } = core.loadExtScript("ext:selvedge/rpc.js");
const { find, RPC } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { connectElsewhere, forward } = core.loadExtScript("ext:selvedge_durable/elsewhere.js");
const { again, tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");

const DurableObjectPrototype = entrypoints.DurableObject.prototype;

const NO_SUPERCLASS = "The receiving Durable Object does not support RPC, because its class was not declared " +
  "with `extends DurableObject`. In order to enable RPC, make sure your class extends the special class " +
  '`DurableObject`, which can be imported from the module "cloudflare:workers".';

/** What a call learns of a failure that is not what the object's method threw. */
function failureOf(error) {
  // A reset is what happened here, not what the object threw.
  const isReset = error.durableObjectReset === true;
  const thrown = encodeThrown(isReset ? again(error) : error, null);
  thrown.isRemote = !isReset;
  return thrown;
}

/** The slot of the context that waits for an answer; -1: another isolate's. */
function callerOf({ io }) {
  return io === undefined || io === null || io.over ? -1 : io.slot;
}

/** An object of this isolate, whether it is in memory or not. */
class ObjectCapability extends Capability {
  #target;
  /** The Workers and objects that its calls came through. */
  #depth;

  constructor(target, depth) {
    super();
    this.#target = target;
    this.#depth = depth;
  }

  send(path, args, answer) {
    let message = args;
    const failed = (error) => {
      if (message !== null) release(message);
      message = null;
      answer.fail(failureOf(error));
    };
    let actor;
    try {
      actor = find(this.#target.home, this.#target);
      if (actor === null) {
        // It has moved since the session began.
        message = null;
        forward(this.#target, this.#depth, path, args, answer);
        return;
      }
    } catch (error) {
      failed(tunnelled(error));
      return;
    }
    actor.io.deliver((instance, actor) => {
      // From here on it is not to be called again for him.
      if (answer.io !== undefined && !answer.io.over) op_context_touch(answer.io.slot);
      if (!ObjectPrototypeIsPrototypeOf(DurableObjectPrototype, instance) && !isOn("js_rpc")) throw new TypeError(NO_SUPERCLASS);
      const sent = message;
      message = null;
      const scope = { __proto__: null, object: instance, isOpen: false, isEntrypoint: true, insert: null };
      return invoke(actor.io, scope, path, sent, answer);
    }, failed, true, { __proto__: null, kind: RPC, text: ArrayPrototypeJoin(path, "."), depth: this.#depth }, callerOf(answer));
  }

  dropped() {}
}

/**
 * A stub: `self` with `methods` of its own, every other name a method of the
 * object, also at dates without remote calls if it `isOpen`. `bond` tells whether it
 * broke; `passed` what it is where it is sent on.
 */
function remoteStub(self, methods, target, bond, passed, isOpen = undefined) {
  return makeService(self, methods, (io) => connectTo(io, target, bond), passed, "DurableObject", isOpen);
}

/** A reference to an object for calls of the context `io`. */
function connectTo(io, target, bond) {
  if (bond.broken !== null) throw again(bond.broken);
  let cap;
  let actor;
  try {
    actor = find(target.home, target);
  } catch (error) {
    if (error.durableObjectReset !== true) throw tunnelled(error);
    bond.broken ??= error;
    throw again(error);
  }
  if (actor === null) {
    cap = connectElsewhere(io, target);
  } else {
    cap = new ObjectCapability(target, op_do_call(io.slot, contexts.eventDepth(), false));
  }
  cap.bond = bond;
  return cap;
}

/** What calls from another isolate go to. */
function objectCapability(target, depth) {
  return new ObjectCapability(target, depth);
}

return { connectTo, objectCapability, remoteStub };
})();
