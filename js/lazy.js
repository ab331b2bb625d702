// Scripts that load on first use. What a Worker does not touch costs it
// neither time nor memory.
import { bare, core } from "ext:selvedge/core.js";

/**
 * A function that loads a script and gives its exports. Its property `loaded`
 * holds them once somebody did.
 */
function lazy(specifier) {
  const get = () => {
    if (get.loaded === null) get.loaded = core.loadExtScript(specifier);
    return get.loaded;
  };
  get.loaded = null;
  all[specifier] ??= bare();
  all[specifier][all[specifier].length] = get;
  return get;
}

const all = { __proto__: null };

/** Loads a script for everyone who declared it. */
function load(specifier) {
  const exports = core.loadExtScript(specifier);
  const getters = all[specifier];
  if (getters !== undefined) {
    for (let i = 0; i < getters.length; i++) getters[i].loaded = exports;
  }
  return exports;
}

export { lazy, load };
