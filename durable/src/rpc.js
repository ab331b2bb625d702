// Remote methods of Durable Objects
// (https://developers.cloudflare.com/durable-objects/best-practices/create-durable-object-stubs-and-send-requests/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_do_call } = core.ops;
const { Error, ObjectPrototypeIsPrototypeOf, ReflectDeleteProperty, TypeError } = primordials;
const { entrypoints } = internals.selvedge;
const { Capability, invoke } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const { encodeThrown } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { makeService } = core.loadExtScript("ext:selvedge/rpc.js");
const { find, flagged } = core.loadExtScript("ext:selvedge_durable/actor.js");
const { connectElsewhere } = core.loadExtScript("ext:selvedge_durable/elsewhere.js");
const { tunnelled } = core.loadExtScript("ext:selvedge_durable/errors.js");

const DurableObjectPrototype = entrypoints.DurableObject.prototype;

const NO_SUPERCLASS = "The receiving Durable Object does not support RPC, because its class was not declared " +
  "with `extends DurableObject`. In order to enable RPC, make sure your class extends the special class " +
  '`DurableObject`, which can be imported from the module "cloudflare:workers".';

/** An object of this isolate, whether it is in memory or not. */
class ObjectCapability extends Capability {
  #home;
  #target;

  constructor(home, target) {
    super();
    this.#home = home;
    this.#target = target;
  }

  send(path, args, answer) {
    let message = args;
    const failed = (error) => {
      if (message !== null) release(message);
      message = null;
      // A reset is what happened here, not what the object threw.
      const isReset = error.durableObjectReset === true;
      if (isReset) ReflectDeleteProperty(error, "remote");
      const thrown = encodeThrown(error, null);
      thrown.isRemote = !isReset;
      answer.fail(thrown);
    };
    let actor;
    try {
      actor = find(this.#home, this.#target);
    } catch (error) {
      failed(tunnelled(error));
      return;
    }
    if (actor === null) {
      // It has moved since the session began.
      failed(flagged(new Error("Network connection lost."), "durableObjectReset", "retryable"));
      return;
    }
    actor.io.deliver((instance) => {
      if (!ObjectPrototypeIsPrototypeOf(DurableObjectPrototype, instance)) throw new TypeError(NO_SUPERCLASS);
      const sent = message;
      message = null;
      const scope = { __proto__: null, object: instance, isOpen: false, isEntrypoint: true, insert: null };
      return invoke(actor.io, scope, path, sent, answer);
    }, failed);
  }

  dropped() {}
}

/**
 * A stub: `self` with `methods` of its own, every other name a method of the
 * object. `again` makes another one like it.
 */
function remoteStub(self, methods, home, target, again) {
  const connect = (io) => {
    let actor;
    try {
      actor = find(home, target);
    } catch (error) {
      throw tunnelled(error);
    }
    if (actor === null) return connectElsewhere(io, target);
    op_do_call(io.slot);
    return new ObjectCapability(home, target);
  };
  return makeService(self, methods, connect, { __proto__: null, again }, "DurableObject");
}

/** What calls from another isolate go to. */
function objectCapability(home, target) {
  return new ObjectCapability(home, target);
}

return { objectCapability, remoteStub };
})();
