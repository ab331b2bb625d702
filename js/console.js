// `console`: what people know from Node and Deno, to the log of the Worker.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_console_emit } = core.ops;
const {
  FunctionPrototypeBind,
  ObjectDefineProperty,
  ObjectHasOwn,
  ObjectKeys,
  StringPrototypeEndsWith,
  StringPrototypeSlice,
} = primordials;
const { Console, setNoColorFns } = core.loadExtScript("ext:deno_web/01_console.js");

const shared = internals.shared;
const noColor = () => !shared.colors;
setNoColorFns(noColor, noColor);

// The levels of deno_web's Console are 0 debug, 1 log and info, 2 warn, 3 error.
const console = new Console((message, level) => {
  op_console_emit(
    level,
    StringPrototypeEndsWith(message, "\n") ? StringPrototypeSlice(message, 0, -1) : message,
  );
});

/** Has each call also go to V8's own console, which is that of debuggers. */
function tellDebuggers() {
  const { callConsole, v8Console } = core;
  const names = ObjectKeys(v8Console);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (!ObjectHasOwn(console, name)) continue;
    // A native function calls both: the frame on top stays that of the Worker.
    const both = FunctionPrototypeBind(callConsole, console, v8Console[name], console[name]);
    ObjectDefineProperty(both, "name", { __proto__: null, value: name, configurable: true });
    console[name] = both;
  }
}

return { console, tellDebuggers };
})();
