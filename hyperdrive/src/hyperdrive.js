// Hyperdrive: class Hyperdrive, as
// https://developers.cloudflare.com/hyperdrive/get-started/ has it.
(function () {
const { core, primordials } = __bootstrap;
const { op_hyperdrive_describe } = core.ops;
const { encodeURIComponent, ObjectDefineProperties, Symbol, SymbolToStringTag, TypeError } = primordials;

const internal = Symbol("internal");

/** A database. What a Worker sees of it is good in its own isolate alone. */
class Hyperdrive {
  #parts;

  constructor(token, parts) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#parts = parts;
  }

  get connectionString() {
    const [host, port, user, password, database] = this.#parts;
    return `postgresql://${user}:${password}@${host}:${port}/${encodeURIComponent(database)}?sslmode=disable`;
  }

  get host() {
    return this.#parts[0];
  }

  get port() {
    return this.#parts[1];
  }

  get user() {
    return this.#parts[2];
  }

  get password() {
    return this.#parts[3];
  }

  get database() {
    return this.#parts[4];
  }

  connect() {
    const { connect } = core.loadExtScript("ext:selvedge/sockets.js");
    return connect({ __proto__: null, hostname: this.#parts[0], port: this.#parts[1] });
  }
}
const enumerable = { __proto__: null, enumerable: true };
ObjectDefineProperties(Hyperdrive.prototype, {
  connectionString: enumerable,
  host: enumerable,
  port: enumerable,
  user: enumerable,
  password: enumerable,
  database: enumerable,
  [SymbolToStringTag]: { __proto__: null, value: "Hyperdrive", configurable: true },
});

return { bind: (rid) => new Hyperdrive(internal, op_hyperdrive_describe(rid)) };
})();
