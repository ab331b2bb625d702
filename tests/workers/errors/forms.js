// Exceptions of Blob, File and FormData: their types and texts are workerd's.
import { throwsTexts } from "../assert.js";


/** What each throws, or its promise is rejected with. */
const CASES = {
  bl_num: [() => new Blob(5), "TypeError: Failed to construct 'Blob': constructor parameter 1 is not of type 'Array'."],
  bl_str: [() => new Blob("x"), "TypeError: Failed to construct 'Blob': constructor parameter 1 is not of type 'Array'."],
  bl_obj: [() => new Blob({}), "TypeError: Failed to construct 'Blob': constructor parameter 1 is not of type 'Array'."],
  bl_null: [() => new Blob(null), "TypeError: Failed to construct 'Blob': constructor parameter 1 is not of type 'Array'."],
  bl_opts: [() => new Blob([], 5), "TypeError: Failed to construct 'Blob': constructor parameter 2 is not of type 'Options'."],
  bl_sym: [() => new Blob([Symbol()]), "TypeError: Cannot convert a Symbol value to a string"],
  bl_this: [() => Blob.prototype.text.call({}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  bl_size: [() => Object.getOwnPropertyDescriptor(Blob.prototype, "size").get.call({}), "TypeError: Illegal invocation: function called with incorrect `this` reference. See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details."],
  fi_one: [() => new File([]), "TypeError: Failed to construct 'File': constructor parameter 2 is not of type 'string'."],
  fi_num: [() => new File(5, "x"), "TypeError: Failed to construct 'File': constructor parameter 1 is not of type 'Array'."],
  fd_append: [() => new FormData().append("a"), "TypeError: Failed to execute 'append' on 'FormData': parameter 2 is not of type 'File or Blob or string'."],
  fd_get: [() => new FormData().get(), "TypeError: Failed to execute 'get' on 'FormData': parameter 1 is not of type 'string'."],
  fd_del: [() => new FormData().delete(), "TypeError: Failed to execute 'delete' on 'FormData': parameter 1 is not of type 'string'."],
  fd_foreach: [() => new FormData().forEach(), "TypeError: Failed to execute 'forEach' on 'FormData': parameter 1 is not of type 'function'."],
};

export const texts = {
  async test() {
    await throwsTexts(CASES);
  },
};
