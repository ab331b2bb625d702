// Globals that came later, or went.
(function () {
const { primordials } = __bootstrap;
const { Error, ObjectDefineProperty } = primordials;

const CHANGES = {
  __proto__: null,
  enable_weak_ref() {
    delete globalThis.WeakRef;
    delete globalThis.FinalizationRegistry;
  },
  expose_global_message_channel() {
    delete globalThis.MessageChannel;
    delete globalThis.MessagePort;
  },
  no_global_importscripts() {
    ObjectDefineProperty(globalThis, "importScripts", {
      __proto__: null,
      value: {
        importScripts() {
          throw new Error("Failed to execute 'importScripts' on 'WorkerGlobalScope': the method is not implemented.");
        },
      }.importScripts,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  },
};

return { apply: (flag) => CHANGES[flag]() };
})();
