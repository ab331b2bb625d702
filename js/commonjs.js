// CommonJS modules: `require`, `module`, `exports`.
import { internals, primordials } from "ext:selvedge/core.js";
import { load } from "ext:selvedge/lazy.js";
import { op_commonjs_compile, op_module_resolve, op_module_value } from "ext:core/ops";

const { Error, FunctionPrototypeCall, ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;

/** What a CommonJS module knows as `module`. */
class CommonJsModuleObject {
  constructor(path) {
    this.path = path;
    this.exports = {};
  }
}
ObjectDefineProperty(CommonJsModuleObject.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "CommonJsModuleObject",
  configurable: true,
});

/** By key: the module, and what it threw. */
const modules = { __proto__: null };

/** Evaluates the module with this key, once, and gives its `module.exports`. */
function requireModule(key) {
  const known = modules[key];
  if (known !== undefined) {
    if (known.failed) throw known.error;
    return known.module.exports;
  }
  const { 0: run, 1: path, 2: filename, 3: dirname } = op_commonjs_compile(key);
  const module = new CommonJsModuleObject(path);
  const own = modules[key] = { __proto__: null, module, failed: false, error: undefined };
  const { exports } = module;
  const require = { require() { return requireFrom(key, arguments); } }.require;
  try {
    FunctionPrototypeCall(run, undefined, exports, require, module, filename, dirname);
  } catch (error) {
    own.failed = true;
    own.error = error;
    throw error;
  }
  return module.exports;
}

/** `require()` of the module with this key, or name. */
function requireFrom(from, args) {
  if (args.length === 0) {
    throw new TypeError("Failed to execute 'require' on 'CommonJsModuleContext': parameter 1 is not of type 'string'.");
  }
  return require(from, `${args[0]}`);
}

function require(from, specifier) {
  const found = op_module_resolve(specifier, from);
  const kind = found[0];
  const key = found[1];
  if (kind === "missing") throw new Error(key);
  if (kind === "commonjs") return requireModule(key);
  if (kind === "node") return internals.requireNode(key);
  return op_module_value(key);
}

/** The exports of a module of the platform. */
function builtIn(name) {
  const script = SCRIPTS[name];
  if (script !== undefined) return load(script);
  const node = load("ext:selvedge_node/loader.js");
  if (name !== "cloudflare:node") return node.namespace(name);
  const exports = node.namespace("cloudflare_node");
  delete exports.default;
  return exports;
}

/** Those that are no modules of Node.js. */
const SCRIPTS = {
  __proto__: null,
  "cloudflare:email": "ext:selvedge/cloudflare_email.js",
  "cloudflare:sockets": "ext:selvedge/sockets.js",
  "cloudflare:workers": "ext:selvedge/cloudflare_workers.js",
  "cloudflare:workflows": "ext:selvedge/cloudflare_workflows.js",
};

export { builtIn, require, requireModule };
