globalThis.throwing = (globalThis.throwing ?? 0) + 1;
throw new RangeError("boom");
