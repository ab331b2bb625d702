// Secrets Store: class SecretsStoreSecret, as
// https://developers.cloudflare.com/secrets-store/integrations/workers/ has it.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_store_secret_get } = core.ops;
const { ObjectDefineProperty, Symbol, SymbolToStringTag, TypeError } = primordials;
const { io: contexts } = internals.selvedge;

const internal = Symbol("internal");

/** A secret. */
class SecretsStoreSecret {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  /** The text of the secret. */
  async get() {
    const rid = this.#rid;
    const io = contexts.requiredOpen();
    return await op_store_secret_get(rid, io.slot);
  }
}
ObjectDefineProperty(SecretsStoreSecret.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "SecretsStoreSecret",
  configurable: true,
});

return { bind: (rid) => new SecretsStoreSecret(internal, rid) };
})();
