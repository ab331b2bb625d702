// What the configuration sets and several scripts read.
const shared = {
  __proto__: null,
  env: null,
  colors: false,
  entrypoint: null,
  production: false,
  /** Whether all events of handlers that are no class have the same `ctx`. */
  hasCommonContext: false,
  /** Whether `process` has no more than it had at first. */
  partialProcess: false,
  /** Bindings that only `ctx.exports` leads to: script and number of each. */
  hidden: [],
  /** What makes and sends mail for the `email` handler: script and number, or nothing. */
  mail: null,
  /** Whether no Durable Object may begin here any more. */
  endsObjects: false,
};

/** Compatibility flags, by their enabling names: those that a date brings and are off, and the others that are on. */
const off = { __proto__: null };
const on = { __proto__: null };

/** Sets them, before any of the Worker's code runs. */
function setFlags(namesOff, namesOn) {
  for (let i = 0; i < namesOff.length; i++) off[namesOff[i]] = true;
  for (let i = 0; i < namesOn.length; i++) on[namesOn[i]] = true;
}

/**
 * Whether a flag that a date brings is off here. The code of the newest date is
 * the plain one; what older dates have asks this.
 */
function isOff(flag) {
  return off[flag] === true;
}

/** Whether a flag that no date brings is on here. */
function isOn(flag) {
  return on[flag] === true;
}

export { isOff, isOn, setFlags, shared };
