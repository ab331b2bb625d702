// Values in `env` of a loaded Worker: see `env.rs`.
(function () {
const { core, primordials } = __bootstrap;
const { op_loaded_value } = core.ops;
const { ArrayPrototypePush, Error } = primordials;
const { decode, External, messageOfBytes } = core.loadExtScript("ext:selvedge/rpc/messages.js");

/** Reads the value of a name. */
function bind(rid, _name) {
  const held = op_loaded_value(rid);
  if (held === null || held === undefined) throw new Error("internal error");
  const described = core.deserialize(held[1]);
  const externals = [];
  for (let i = 0; i < described.length; i++) ArrayPrototypePush(externals, external(described[i], held[2]));
  return decode(messageOfBytes(held[0], externals), null, null);
}

function external(described, ways) {
  if (described[0] !== "way") return new External(described[0], null, described[1]);
  // A Worker, or a Durable Object: the script of its binding, and what names it.
  const { 0: script, 1: number, 2: id, 3: name, 4: jurisdiction } = ways[described[1]];
  const target = core.loadExtScript(script).passedHere(number, id, name ?? undefined, jurisdiction ?? undefined);
  return new External("service", null, target);
}

return { bind };
})();
