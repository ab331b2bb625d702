// WebSocketRequestResponsePair.
(function () {
const { core, primordials } = __bootstrap;
const { ObjectDefineProperty, SymbolToStringTag, TypeError } = primordials;
const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");

/** A message and what answers it, as `ctx.setWebSocketAutoResponse()` takes it. */
class WebSocketRequestResponsePair extends core.Given {
  #request;
  #response;

  constructor(request, response) {
    super();
    if (arguments.length > 0) request = `${request}`;
    if (arguments.length < 2) {
      throw new TypeError(
        `Failed to construct 'WebSocketRequestResponsePair': constructor parameter ${
          arguments.length + 1
        } is not of type 'string'.`,
      );
    }
    this.#request = request;
    this.#response = `${response}`;
  }

  get request() {
    return this.#request;
  }

  get response() {
    return this.#response;
  }
}
ObjectDefineProperty(WebSocketRequestResponsePair.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "WebSocketRequestResponsePair",
  configurable: true,
});
checkReceivers(WebSocketRequestResponsePair);

return { WebSocketRequestResponsePair: core.expose(WebSocketRequestResponsePair) };
})();
