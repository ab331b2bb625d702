// Exceptions of URL, URLSearchParams and URLPattern: their types and texts are workerd's.
import { throwsTexts } from "../assert.js";


/** What each throws, or its promise is rejected with. */
const CASES = {
  url_none: [() => new URL(), "TypeError: Failed to construct 'URL': constructor parameter 1 is not of type 'USVString'."],
  url_parse_none: [() => URL.parse(), "TypeError: Failed to execute 'parse' on 'URL': parameter 1 is not of type 'USVString'."],
  url_can_none: [() => URL.canParse(), "TypeError: Failed to execute 'canParse' on 'URL': parameter 1 is not of type 'USVString'."],
  url_href: [() => { new URL("http://x").href = "foo"; }, "TypeError: Failed to set the 'href' property on 'URL': the provided value is not of type 'valid URL string'."],
  url_this: [() => Object.getOwnPropertyDescriptor(URL.prototype, "href").get.call({}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  url_symbol: [() => new URL(Symbol()), "TypeError: Cannot convert a Symbol value to a string"],
  usp_pairs: [() => new URLSearchParams([["a"]]), "TypeError: Invalid URL search params sequence."],
  usp_pairs3: [() => new URLSearchParams([["a","b","c"]]), "TypeError: Invalid URL search params sequence."],
  usp_sym: [() => new URLSearchParams(Symbol()), "TypeError: Cannot convert a Symbol value to a string"],
  usp_get: [() => new URLSearchParams().get(), "TypeError: Failed to execute 'get' on 'URLSearchParams': parameter 1 is not of type 'USVString'."],
  usp_append: [() => new URLSearchParams().append("a"), "TypeError: Failed to execute 'append' on 'URLSearchParams': parameter 2 is not of type 'USVString'."],
  usp_set: [() => new URLSearchParams().set(), "TypeError: Failed to execute 'set' on 'URLSearchParams': parameter 1 is not of type 'USVString'."],
  usp_delete: [() => new URLSearchParams().delete(), "TypeError: Failed to execute 'delete' on 'URLSearchParams': parameter 1 is not of type 'USVString'."],
  usp_has: [() => new URLSearchParams().has(), "TypeError: Failed to execute 'has' on 'URLSearchParams': parameter 1 is not of type 'USVString'."],
  usp_foreach: [() => new URLSearchParams("a=b").forEach(), "TypeError: Failed to execute 'forEach' on 'URLSearchParams': parameter 1 is not of type 'function'."],
  usp_foreach5: [() => new URLSearchParams("a=b").forEach(5), "TypeError: Failed to execute 'forEach' on 'URLSearchParams': parameter 1 is not of type 'function'."],
  usp_this: [() => URLSearchParams.prototype.get.call({}, "a"), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  pat_bad: [() => new URLPattern("foo"), "TypeError: Failed to construct URLPattern"],
  pat_bad2: [() => new URLPattern({pathname: "("}), "TypeError: Failed to construct URLPattern"],
  pat_type: [() => new URLPattern(5), "TypeError: Failed to construct URLPattern"],
  pat_base: [() => new URLPattern({pathname:"/"}, "http://x"), "TypeError: Failed to construct URLPattern"],
};

export const texts = {
  async test() {
    await throwsTexts(CASES);
  },
};
