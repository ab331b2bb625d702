globalThis.requiring = (globalThis.requiring ?? 0) + 1;
throw new RangeError("boom");
