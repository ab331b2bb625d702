// The module `cloudflare:workflows`
// (https://developers.cloudflare.com/workflows/build/workers-api/#nonretryableerror).
(function () {
const { primordials } = __bootstrap;
const { Error, ObjectDefineProperty } = primordials;

/** Thrown in a step, it ends the Workflow: the step is not tried again. */
class NonRetryableError extends Error {
  constructor(message, name = "NonRetryableError") {
    super(message);
    ObjectDefineProperty(this, "name", {
      __proto__: null,
      value: name,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
}

return { NonRetryableError };
})();
