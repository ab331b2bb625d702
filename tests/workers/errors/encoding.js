// Exceptions of TextEncoder and TextDecoder: their types and texts are workerd's.
import { throwsTexts } from "../assert.js";

const raw = (length) => new Uint8Array(length);

/** What each throws, or its promise is rejected with. */
const CASES = {
  te_into1: [() => new TextEncoder().encodeInto("a"), "TypeError: Failed to execute 'encodeInto' on 'TextEncoder': parameter 2 is not of type 'Uint8Array'."],
  te_into5: [() => new TextEncoder().encodeInto("a", 5), "TypeError: Failed to execute 'encodeInto' on 'TextEncoder': parameter 2 is not of type 'Uint8Array'."],
  te_intoab: [() => new TextEncoder().encodeInto("a", new ArrayBuffer(4)), "TypeError: Failed to execute 'encodeInto' on 'TextEncoder': parameter 2 is not of type 'Uint8Array'."],
  te_sym: [() => new TextEncoder().encode(Symbol()), "TypeError: Cannot convert a Symbol value to a string"],
  te_this: [() => TextEncoder.prototype.encode.call({}, "a"), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  td_num: [() => new TextDecoder().decode(5), "TypeError: Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'."],
  td_str: [() => new TextDecoder().decode("x"), "TypeError: Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'."],
  td_obj: [() => new TextDecoder().decode({}), "TypeError: Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'."],
  td_null: [() => new TextDecoder().decode(null), "TypeError: Failed to execute 'decode' on 'TextDecoder': parameter 1 is not of type 'Array'."],
  td_opt: [() => new TextDecoder("utf-8", 5), "TypeError: Failed to construct 'TextDecoder': constructor parameter 2 is not of type 'ConstructorOptions'."],
  td_this: [() => TextDecoder.prototype.decode.call({}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  td_fatal16: [() => new TextDecoder("utf-16le", {fatal:true}).decode(raw(1)), "TypeError: Failed to decode input."],
};

export const texts = {
  async test() {
    await throwsTexts(CASES);
  },
};
