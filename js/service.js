// Service bindings: `env.NAME.fetch()` asks another Worker of this process
// (https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/http/).
(function () {
const { core, primordials } = __bootstrap;
const {
  Error,
  ObjectDefineProperty,
  Proxy,
  SymbolToStringTag,
  TypeError,
} = primordials;
const { fetchService } = core.loadExtScript("ext:selvedge/fetch/fetch.js");

const internal = { __proto__: null };

class Fetcher {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }
}

ObjectDefineProperty(Fetcher.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "Fetcher",
  configurable: true,
});

/** What `env` holds: an object on which every name is a method of the other Worker. */
function bind(rid, name) {
  const fetch = {
    fetch(input, init = undefined) {
      if (arguments.length === 0) {
        throw new TypeError("Failed to execute 'fetch': parameter 1 is required.");
      }
      return fetchService(rid, input, init);
    },
  }.fetch;
  return new Proxy(new Fetcher(internal), {
    __proto__: null,
    get(target, key) {
      if (key === "fetch") return fetch;
      // A promise resolves with the binding itself.
      if (key === "then" || typeof key === "symbol" || key in target) return target[key];
      return () => {
        throw new Error(
          `Selvedge does not call methods over service bindings yet, only fetch(): ${name}.${key}()`,
        );
      };
    },
  });
}

return { bind };
})();
