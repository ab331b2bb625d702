// Before 2024-09-26 objects of the platform had no `Symbol.toStringTag`: all of
// them are `[object Object]`.
(function () {
const { core, internals, primordials } = __bootstrap;
const { ObjectGetPrototypeOf, ObjectKeys, ObjectPrototype, SymbolToStringTag } = primordials;

/** Takes it from a prototype. */
function untag(prototype) {
  if (prototype !== ObjectPrototype) delete prototype[SymbolToStringTag];
}

function apply() {
  core.untag();
  const { headers, timers } = internals.selvedge;
  untag(ObjectGetPrototypeOf(new headers.Headers().entries()));
  untag(internals.contextClass.prototype);
  delete timers.scheduler[SymbolToStringTag];
  const { env } = internals.shared;
  const names = ObjectKeys(env);
  for (let i = 0; i < names.length; i++) {
    const value = env[names[i]];
    if (typeof value === "object" && value !== null) untag(ObjectGetPrototypeOf(value) ?? ObjectPrototype);
  }
  core.whenLoaded("ext:deno_web/00_url.js", ({ URLSearchParams }) => {
    untag(ObjectGetPrototypeOf(new (core.classOf(URLSearchParams))().entries()));
  });
  core.whenLoaded("ext:selvedge/fetch/form_data.js", ({ FormData }) => {
    untag(ObjectGetPrototypeOf(new (core.classOf(FormData))().entries()));
  });
  core.whenLoaded("ext:selvedge_cache/cache.js", ({ Cache, CacheStorage }) => {
    untag(Cache.prototype);
    untag(CacheStorage.prototype);
  });
  core.whenLoaded("ext:selvedge/html_rewriter/tokens.js", (tokens) => {
    untag(tokens.AttributesIterator.prototype);
    untag(tokens.Comment.prototype);
    untag(tokens.Doctype.prototype);
    untag(tokens.DocumentEnd.prototype);
    untag(tokens.Element.prototype);
    untag(tokens.EndTag.prototype);
    untag(tokens.Text.prototype);
  });
}

return { apply };
})();
