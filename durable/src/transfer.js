// Bodies on their way from one context of an isolate to another. Text and
// bytes are handed over; what comes from the network changes its owner; a
// stream goes through a pipe of the host, which waits when nobody reads.
(function () {
const { core, internals, primordials } = __bootstrap;
const { TypeError } = primordials;
const { bodies, io: contexts } = internals.selvedge;

/** Takes a body from its context. */
function packBody(io, body) {
  if (body === null) return null;
  if (bodies.isUsed(body)) throw new TypeError(bodies.USED);
  if (bodies.isLocked(body)) {
    throw new TypeError("This ReadableStream is currently locked to a reader.");
  }
  if (body.stream === null && (body.kind === bodies.TEXT || body.kind === bodies.BYTES)) {
    body.used = true;
    return { __proto__: null, kind: body.kind, source: body.source };
  }
  const { upload } = core.loadExtScript("ext:selvedge/streams.js");
  const rid = upload(io, body);
  contexts.disownBody(io, rid);
  return { __proto__: null, kind: bodies.NATIVE, source: rid };
}

/** Gives it to another. */
function unpackBody(io, packed) {
  if (packed === null) return null;
  if (packed.kind !== bodies.NATIVE) return new bodies.Body(packed.kind, packed.source);
  contexts.ownBody(io, packed.source);
  return bodies.nativeBody(io, packed.source);
}

return { packBody, unpackBody };
})();
