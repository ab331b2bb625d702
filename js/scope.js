// Functions of the global scope: they are called on the global object or on
// nothing. `self.fetch()` works, `{ fetch }.fetch()` does not, as on Cloudflare.
import { core, primordials } from "ext:selvedge/core.js";

const { ObjectDefineProperty, TypeError } = primordials;

const scope = globalThis;

/** The function as a Worker has it. Of what takes a function, it says so. */
function scoped(name, original, takesFunction = false) {
  const { [name]: shown } = {
    [name](a, b, c) {
      if (this !== undefined && this !== scope && this !== null) throw core.illegalInvocation();
      if (takesFunction && typeof a !== "function") {
        throw new TypeError(
          `Failed to execute '${name}' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'function'.`,
        );
      }
      switch (arguments.length) {
        case 0:
          return original();
        case 1:
          return original(a);
        case 2:
          return original(a, b);
        default:
          return original(a, b, c);
      }
    },
  };
  return ObjectDefineProperty(shown, "length", { __proto__: null, value: original.length, configurable: true });
}

export { scoped };
