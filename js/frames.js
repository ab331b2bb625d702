// Frames: what V8 carries along promise reactions, from code to all that it
// starts. The frame of a request leads to its context; more can be put into it.
(function () {
const { core, primordials } = __bootstrap;
const { ReflectApply, ReflectOwnKeys } = primordials;
const { getAsyncContext, setAsyncContext } = core;

/** Calls a function in the present frame with something more in it. */
function runWith(key, value, callback, args) {
  const before = getAsyncContext();
  const frame = { __proto__: null, io: before?.io, section: before?.section };
  // A context is a frame, too, but what it has besides is its own.
  if (before !== undefined && before !== null && before !== before.io) {
    const keys = ReflectOwnKeys(before);
    for (let i = 0; i < keys.length; i++) frame[keys[i]] = before[keys[i]];
  }
  frame[key] = value;
  setAsyncContext(frame);
  try {
    return ReflectApply(callback, undefined, args);
  } finally {
    setAsyncContext(before);
  }
}

/** What the present frame has under this key. */
function get(key) {
  const frame = getAsyncContext();
  return frame === undefined || frame === null ? undefined : frame[key];
}

return { get, runWith };
})();
