// Classes of Durable Objects as values: what `ctx.exports` and loaded Workers give,
// and what facets are made of.
(function () {
const { core, internals, primordials } = __bootstrap;
const { JSONStringify, ObjectDefineProperty, ObjectSetPrototypeOf, SymbolToStringTag, TypeError } = primordials;
const { makeService } = core.loadExtScript("ext:selvedge/rpc.js");
const { stateOf } = internals.rpc;

const internal = { __proto__: null };

class DurableObjectClass {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }
}

class LoopbackDurableObjectClass {
  constructor(marker) {
    if (marker !== internal) throw new TypeError("Illegal constructor");
  }
}

const named = [[DurableObjectClass, "DurableObjectClass"], [LoopbackDurableObjectClass, "LoopbackDurableObjectClass"]];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}
ObjectSetPrototypeOf(LoopbackDurableObjectClass.prototype, DurableObjectClass.prototype);

function noMethods() {
  throw new TypeError("A class of Durable Objects has no methods.");
}

/**
 * A class. `parts`: `ready(io)` gives `null`, or a promise that settles when it is
 * there; `way()` a number, which must be closed, of what leads to it in another
 * Worker. Where that is `null`, it is this Worker's: `className`, and `props` as
 * JSON. `refusal` says why it cannot be sent to another Worker.
 */
function makeClass(parts, refusal) {
  return stamped(new DurableObjectClass(internal), { __proto__: null }, "DurableObjectClass", parts, refusal);
}

function stamped(target, methods, name, parts, refusal) {
  const within = refusal === undefined ? null : { __proto__: null, refusal };
  const value = makeService(target, methods, noMethods, null, name, false, within);
  stateOf(value).objectClass = parts;
  return value;
}

/** A class of this Worker, with these props as JSON. */
function ownParts(className, props) {
  return { __proto__: null, className, props, ready: () => null, way: null };
}

/** A class that the Worker exports; `copied` makes a copy of props. */
function makeLoopback(className, copied) {
  const target = () => {};
  delete target.name;
  delete target.length;
  ObjectSetPrototypeOf(target, LoopbackDurableObjectClass.prototype);
  const methods = {
    __proto__: null,
    __call(args) {
      const options = args[0];
      if (typeof options !== "object" || options === null) {
        throw new TypeError(
          "Failed to execute '(called as function)' on 'LoopbackDurableObjectClass': parameter 1 is not of type 'Options'.",
        );
      }
      const { props } = options;
      if (props !== undefined && (typeof props !== "object" || props === null)) {
        throw new TypeError("Incorrect type for the 'props' field on 'Options': the provided value is not of type 'Object'.");
      }
      const text = props === undefined ? "" : JSONStringify(copied(props));
      return makeClass(ownParts(className, text), "DurableObjectClass cannot be serialized in this context.");
    },
  };
  return stamped(target, methods, "LoopbackDurableObjectClass", ownParts(className, ""), undefined);
}

/** What a class is made of; `undefined`: the value is none. */
function partsOf(value) {
  return stateOf(value)?.objectClass;
}

return { makeClass, makeLoopback, ownParts, partsOf };
})();
