// `console`: what people know from Node and Deno, to the log of the Worker.
(function () {
const { core, internals, primordials } = __bootstrap;
const { isNativeError } = core;
const { op_console_emit, op_console_is_followed } = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypeJoin,
  ArrayPrototypePush,
  FunctionPrototypeBind,
  JSONStringify,
  ObjectDefineProperty,
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototype,
  ReflectApply,
  StringPrototypeEndsWith,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
} = primordials;
const { Console, setNoColorFns } = core.loadExtScript("ext:deno_web/01_console.js");

const shared = internals.shared;
const noColor = () => !shared.colors;
setNoColorFns(noColor, noColor);

// The levels of deno_web's Console are 0 debug, 1 log and info, 2 warn, 3 error.
const INFO = 4;
/** The call under way: its arguments, and its level if it has one of its own. */
let said = null;
const console = new Console((message, level) => {
  const call = said;
  const isFollowed = call !== null && op_console_is_followed();
  op_console_emit(
    call !== null && call.level !== undefined ? call.level : level,
    StringPrototypeEndsWith(message, "\n") ? StringPrototypeSlice(message, 0, -1) : message,
    isFollowed ? listOf(call.values, jsonOf) : "",
    isFollowed && hasErrors(call.values) ? listOf(call.values, errorInfo) : "",
  );
});

/** The JSON of a list of values, each as those who follow an event get it. */
function listOf(values, json) {
  const texts = [];
  for (let i = 0; i < values.length; i++) ArrayPrototypePush(texts, json(values[i]));
  return `[${ArrayPrototypeJoin(texts, ",")}]`;
}

/** A value that JSON has as it is, and any other one's text; as workerd tells them apart. */
function jsonOf(value) {
  if (value === undefined) return "null";
  try {
    return JSONStringify(isData(value) ? value : `${value}`) ?? "null";
  } catch {
    // It has a cycle, a getter of it throws, or it is a symbol.
    return "{}";
  }
}

function hasErrors(values) {
  for (let i = 0; i < values.length; i++) if (isNativeError(values[i])) return true;
  return false;
}

/** What is known of an error beside its text. */
function errorInfo(value) {
  if (!isNativeError(value)) return "null";
  try {
    const { name, message, stack } = value;
    const info = { __proto__: null, name: `${name}`, message: `${message}` };
    if (stack !== undefined) info.stack = framesOf(`${stack}`);
    return JSONStringify(info);
  } catch {
    return "null";
  }
}

/** A stack without the line that says what was thrown. */
function framesOf(stack) {
  const at = StringPrototypeIndexOf(stack, "\n    at ");
  return at < 0 ? stack : StringPrototypeSlice(stack, at + 1);
}

function isData(value) {
  if (value === null) return true;
  switch (typeof value) {
    case "string":
    case "number":
    case "boolean":
      return true;
    case "object": {
      if (ArrayIsArray(value) || typeof value.toJSON === "function") return true;
      const prototype = ObjectGetPrototypeOf(value);
      return prototype === null || prototype === ObjectPrototype;
    }
    default:
      return false;
  }
}

/** Keeps what is said while a method says it. */
function keepSaid(name) {
  const say = console[name];
  const level = name === "info" ? INFO : undefined;
  const method = function (...values) {
    const before = said;
    said = { __proto__: null, values, level };
    try {
      ReflectApply(say, console, values);
    } finally {
      said = before;
    }
  };
  ObjectDefineProperty(method, "name", { __proto__: null, value: name, configurable: true });
  console[name] = method;
}

const METHODS = ["debug", "error", "info", "log", "warn"];
for (let i = 0; i < METHODS.length; i++) keepSaid(METHODS[i]);

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
