// Web Crypto with the rule that the global scope makes no random values.
(function () {
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, ReflectApply, ReflectGetOwnPropertyDescriptor } = primordials;
const { Crypto, CryptoKey, SubtleCrypto, crypto } = core.loadExtScript("ext:deno_crypto/00_crypto.js");

const GLOBAL_SCOPE = "Disallowed operation called within global scope. " +
  "Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and " +
  "generating random values are not allowed within global scope. To fix this " +
  "error, perform this operation within a handler. " +
  "https://developers.cloudflare.com/workers/runtime-apis/handlers/";

function guard(prototype, name) {
  const descriptor = ReflectGetOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined || typeof descriptor.value !== "function") return;
  const original = descriptor.value;
  const guarded = {
    [name](...args) {
      const frame = core.getAsyncContext();
      if (frame === undefined || frame === null || frame.io === undefined) {
        throw new primordials.Error(GLOBAL_SCOPE);
      }
      return ReflectApply(original, this, args);
    },
  }[name];
  ObjectDefineProperty(prototype, name, { __proto__: null, ...descriptor, value: guarded });
}

guard(Crypto.prototype, "getRandomValues");
guard(Crypto.prototype, "randomUUID");
guard(SubtleCrypto.prototype, "generateKey");

return { Crypto, CryptoKey, SubtleCrypto, crypto };
})();
