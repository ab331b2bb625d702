// Calls of which it is not known yet whether they can be sent: who is called is
// still being made.
(function () {
const { core, primordials } = __bootstrap;
const { PromisePrototypeThen, PromiseResolve } = primordials;
const { Answer } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");
const { encodeThrown } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");

class Pending extends Answer {
  refuse(_message) {}
}

/**
 * A reference to what `open()` gives once the promise `waited` settles, for one call
 * of the context `io`. `bond` learns that what is called broke.
 */
function later(io, waited, open, bond = null) {
  const pending = new Pending();
  const failed = (error) => {
    const thrown = encodeThrown(error, io);
    thrown.isRemote = false;
    pending.fail(thrown);
  };
  PromisePrototypeThen(PromiseResolve(waited), () => {
    let cap;
    try {
      cap = open();
    } catch (error) {
      failed(error);
      return;
    }
    pending.lead(cap);
  }, failed);
  let refs = 1;
  return {
    __proto__: null,
    bond,
    addRef() {
      refs++;
    },
    // A call of an object may be sent long after this is led: when what it wrote is on disk.
    release() {
      if (--refs === 0) pending.drop();
    },
    send: (path, args, answer) => pending.send(path, args, answer),
  };
}

return { later };
})();
