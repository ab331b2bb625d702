// Names everything that a Worker can reach by name: globals, what classes have,
// what modules export. One line each, a path and a kind; runs on every runtime.

/** Modules whose exports are listed. */
const MODULES = [
  "cloudflare:email",
  "cloudflare:node",
  "cloudflare:sockets",
  "cloudflare:workers",
  "cloudflare:workflows",
];

/** What every function and every class has. */
const OF_FUNCTIONS = new Set(["arguments", "caller", "length", "name", "prototype"]);
const OF_OBJECTS = new Set(["constructor", "__proto__"]);

/** What these have are the globals once more, or the Worker's own. */
const UNLISTED = new Set(["cloudflare:workers env", "cloudflare:workers exports", "global", "globalThis", "self", "ServiceWorkerGlobalScope", "WorkerGlobalScope"]);

/** Symbols other than JavaScript's own are how a runtime is built. */
function isInner(key) {
  return typeof key === "symbol" && !key.description.startsWith("Symbol.");
}

function keyName(key) {
  return typeof key === "symbol" ? `[${key.description}]` : key;
}

/** A getter and a plain property look the same to those who use them. */
function kindOf(descriptor) {
  return typeof descriptor.value === "function" ? "function" : "property";
}

/** What an object has, with what it inherits: where it stands differs between runtimes. */
function members(lines, path, object, skip) {
  for (let at = object; at !== null && at !== Object.prototype && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      if (isInner(key) || skip.has(key)) continue;
      lines.push(`${path}.${keyName(key)} ${kindOf(Reflect.getOwnPropertyDescriptor(at, key))}`);
    }
  }
}

/** (The host functions of some runtimes have a prototype, too.) */
function isClass(name, value) {
  return /(^|[. ])[A-Z]\w*$/.test(name) && typeof value === "function" && typeof value.prototype === "object" &&
    value.prototype !== null;
}

function describe(lines, name, value) {
  if (UNLISTED.has(name)) {
    lines.push(`${name} ${typeof value}`);
  } else if (isClass(name, value)) {
    lines.push(`${name} class`);
    const parent = Object.getPrototypeOf(value.prototype)?.constructor?.name;
    if (parent && parent !== "Object") lines.push(`${name} extends ${parent}`);
    members(lines, name, value, OF_FUNCTIONS);
    members(lines, `${name}.prototype`, value.prototype, OF_OBJECTS);
  } else if (typeof value === "function") {
    lines.push(`${name} function`);
  } else if (typeof value === "object" && value !== null) {
    lines.push(`${name} object`);
    members(lines, name, value, OF_OBJECTS);
  } else {
    lines.push(`${name} ${typeof value}`);
  }
}

/** The names of all globals, those of the class of the global object among them. */
function globals() {
  const names = new Set();
  for (let at = globalThis; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) {
      if (!isInner(key) && !OF_OBJECTS.has(key)) names.add(key);
    }
  }
  return names;
}

export async function surface() {
  const lines = [];
  for (const key of globals()) {
    const value = globalThis[key];
    describe(lines, keyName(key), value);
  }
  describe(lines, "crypto.subtle", crypto.subtle);
  for (const name of MODULES) {
    let namespace;
    try {
      namespace = await import(name);
    } catch {
      // It is not there, and so is nothing of it.
      continue;
    }
    lines.push(`${name} module`);
    for (const key of Object.keys(namespace)) describe(lines, `${name} ${key}`, namespace[key]);
  }
  return [...new Set(lines)].sort();
}
