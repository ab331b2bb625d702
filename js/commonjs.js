// CommonJS modules: `require`, `module`, `exports`.
import { core, internals, primordials } from "ext:selvedge/core.js";
import { op_commonjs_compile, op_module_resolve } from "ext:core/ops";

const { Error, FunctionPrototypeCall, JSONParse } = primordials;

const modules = { __proto__: null };

/** Evaluates the module of this name, once, and gives its `module.exports`. */
function requireModule(name) {
  const known = modules[name];
  if (known !== undefined) return known.exports;
  const module = { exports: {}, id: name, loaded: false };
  modules[name] = module;
  const run = op_commonjs_compile(name);
  try {
    FunctionPrototypeCall(run, module.exports, module.exports, (specifier) => require(name, specifier), module);
  } catch (error) {
    delete modules[name];
    throw error;
  }
  module.loaded = true;
  return module.exports;
}

function require(from, specifier) {
  const found = op_module_resolve(`${specifier}`, from);
  if (found === null || found === undefined) {
    throw new Error(`No such module "${specifier}".\n  required from "${from}"`);
  }
  const kind = found[0];
  const name = found[1];
  switch (kind) {
    case "commonjs":
      return requireModule(name);
    case "node":
      return internals.requireNode(name);
    case "json":
      return JSONParse(found[2]);
    case "text":
      return { default: found[2] };
    default:
      throw new Error(`"${name}" cannot be required from a CommonJS module (required from "${from}")`);
  }
}

void core;

export { require, requireModule };
