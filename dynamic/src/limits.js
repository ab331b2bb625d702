// What a call may use, as `limits: { cpuMs, subRequests }` says.
(function () {
const { primordials } = __bootstrap;
const { Number, NumberIsFinite, TypeError } = primordials;

/** Stands for no limit of its own. */
const NONE = -1;

function number(value) {
  if (value === undefined || value === null) return NONE;
  const count = Number(value);
  if (count < 0) {
    throw new TypeError("The value cannot be converted because it is negative and this API expects a positive number.");
  }
  if (!NumberIsFinite(count)) {
    throw new TypeError("The value cannot be converted because it is not an integer.");
  }
  return count;
}

/** Reads the field `limits` of something that is called `of`. */
function limitsOf(value, of) {
  if (value === undefined || value === null) return { __proto__: null, cpuMs: NONE, subRequests: NONE };
  if (typeof value !== "object") {
    throw new TypeError(`Incorrect type for the 'limits' field on '${of}': the provided value is not of type 'ResourceLimits'.`);
  }
  return { __proto__: null, cpuMs: number(value.cpuMs), subRequests: number(value.subRequests) };
}

return { limitsOf };
})();
