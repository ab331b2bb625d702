// `console`: what people know from Node and Deno, to the log of the Worker.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_console_emit } = core.ops;
const {
  ArrayIsArray,
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

const { log, table } = console;
const notAList = (properties) => properties !== undefined && !ArrayIsArray(properties);

/** A cell whose getter throws must not cost the whole line: it is shown as `log` shows it. */
function safeTable(data = undefined, properties = undefined) {
  // That is a mistake of the caller's, which Node throws for, too.
  if (notAList(properties)) return table(data, properties);
  try {
    table(data, properties);
  } catch {
    log(data);
  }
}
ObjectDefineProperty(safeTable, "name", { __proto__: null, value: "table", configurable: true });
ObjectDefineProperty(safeTable, "length", { __proto__: null, value: table.length, configurable: true });
console.table = safeTable;

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
