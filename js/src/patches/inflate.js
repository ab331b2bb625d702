const isStrict = !__bootstrap.internals.isOff("strict_compression_checks");
const { paced } = core.loadExtScript("ext:deno_web/06_streams.js");
const pacedTransform = (transformer) => paced(new TransformStream(transformer));
const ONE = new primordials.Uint8Array(1);

/** Whether an op says that the data ended before these bytes. */
function isPastEnd(error) {
  return error?.message === "failed to write whole buffer";
}

/** The ops of one DecompressionStream, which tell in Cloudflare's words what is wrong. */
function inflater(format) {
  // Before it was strict, what came after the end was of no interest.
  let isOver = false;
  const refuse = (text) => {
    throw new primordials.TypeError(text);
  };
  const hasEnded = (rid) => {
    try {
      op_compression_write(rid, ONE);
      return false;
    } catch (error) {
      return isPastEnd(error);
    }
  };
  return {
    __proto__: null,
    write(rid, data) {
      if (isOver) return undefined;
      try {
        return op_compression_write(rid, data);
      } catch (error) {
        if (!isPastEnd(error)) refuse("Decompression failed.");
        if (isStrict) refuse("Trailing bytes after end of compressed data");
        isOver = true;
        return op_compression_finish(rid, false);
      }
    },
    finish(rid, asks) {
      if (isOver) return undefined;
      const isIncomplete = asks && isStrict && format !== "brotli" && !hasEnded(rid);
      try {
        if (!isIncomplete) return op_compression_finish(rid, asks && isStrict);
        op_compression_finish(rid, false);
      } catch {
        // It is told below.
      }
      return refuse("Called close() on a decompression stream with incomplete data");
    },
  };
}

