// The module `cloudflare:email`
// (https://developers.cloudflare.com/email-routing/email-workers/send-email-workers/).
(function () {
const { core, internals, primordials } = __bootstrap;
const { ObjectDefineProperty, ObjectPrototypeIsPrototypeOf, String, SymbolToStringTag, TypeError } = primordials;
const { bodies } = internals.selvedge;
const { isReadableStreamLocked, ReadableStreamPrototype } = core.loadExtScript("ext:deno_web/06_streams.js");

/** A message that a Worker wrote. */
class EmailMessage {
  #from;
  #to;
  #raw;

  constructor(from, to, raw) {
    for (let i = 0; i < 3; i++) {
      if (arguments.length > i) continue;
      const type = i === 2 ? "string or ReadableStream" : "string";
      throw new TypeError(
        `Failed to construct 'EmailMessage': constructor parameter ${i + 1} is not of type '${type}'.`,
      );
    }
    this.#from = String(from);
    this.#to = String(to);
    if (typeof raw === "object" && ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, raw)) {
      if (isReadableStreamLocked(raw)) throw new TypeError("The ReadableStream has been locked to a reader.");
      this.#raw = raw;
    } else {
      this.#raw = String(raw);
    }
  }

  get from() {
    return this.#from;
  }

  get to() {
    return this.#to;
  }

  get raw() {
    if (typeof this.#raw === "string") this.#raw = bodies.streamOf(new bodies.Body(bodies.TEXT, this.#raw));
    return this.#raw;
  }
}
ObjectDefineProperty(EmailMessage.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "EmailMessage",
  configurable: true,
});

return { EmailMessage };
})();
