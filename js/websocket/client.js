// `new WebSocket(url)`: a connection that the Worker opens.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayPrototypeJoin,
  MapPrototypeSet,
  PromisePrototypeThen,
  RegExpPrototypeExec,
  SafeRegExp,
  String,
  StringPrototypeSlice,
  TypeError,
} = primordials;
const { CloseEvent, dispatch, ErrorEvent, Event } = core.loadExtScript("ext:deno_web/02_event.js");
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");
const { ends, flushInbox, hold, release, sockets, states } = core.loadExtScript("ext:selvedge/websocket/traffic.js");
const { io: contexts } = internals.selvedge;
const { CONNECTING, OPEN, CLOSED } = states;

const PROTOCOL = new SafeRegExp("^[!#$%&'*+\\-.^_`|~0-9A-Za-z]+$");

/** `new WebSocket(url, protocols)`. */
function connect(socket, fields, url, protocols) {
  const io = contexts.required();
  let parsed;
  try {
    parsed = new URL(String(url));
  } catch {
    throw new DOMException("WebSocket Constructor: The url is invalid.", "SyntaxError");
  }
  if (parsed.protocol === "ws:") parsed.protocol = "http:";
  else if (parsed.protocol === "wss:") parsed.protocol = "https:";
  else throw new DOMException("WebSocket Constructor: The url scheme must be ws or wss.", "SyntaxError");
  if (parsed.hash !== "") {
    throw new DOMException("WebSocket Constructor: The url fragment must be empty.", "SyntaxError");
  }
  let list = [];
  if (typeof protocols === "string") list = [protocols];
  else if (protocols !== undefined && protocols !== null) {
    // deno-lint-ignore prefer-primordials
    list = [...protocols];
  }
  const seen = { __proto__: null };
  for (let i = 0; i < list.length; i++) {
    list[i] = String(list[i]);
    if (RegExpPrototypeExec(PROTOCOL, list[i]) === null) {
      throw new DOMException("WebSocket Constructor: The protocol header token is invalid.", "SyntaxError");
    }
    if (seen[list[i]] === true) {
      throw new DOMException("WebSocket Constructor: The protocols header cannot have repeating values.", "SyntaxError");
    }
    seen[list[i]] = true;
  }
  const text = String(url);
  fields.url = StringPrototypeSlice(parsed.href, 0, 4) === "http"
    ? `ws${StringPrototypeSlice(parsed.href, 4)}`
    : text;
  fields.client = true;
  fields.accepted = true;
  fields.state = CONNECTING;
  fields.io = io;
  hold(fields);

  const headers = { __proto__: null, upgrade: "websocket" };
  if (list.length > 0) headers["sec-websocket-protocol"] = ArrayPrototypeJoin(list, ", ");
  if (!internals.isOff("web_socket_compression")) headers["sec-websocket-extensions"] = "permessage-deflate";
  const { fetch } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
  const failed = (message) => {
    fields.state = CLOSED;
    contexts.runIn(io, () => {
      dispatch(socket, new ErrorEvent("error", { message, error: new TypeError(message) }));
      dispatch(socket, new CloseEvent("close", { code: 1006, reason: "", wasClean: false }));
    });
    release(fields);
  };
  PromisePrototypeThen(
    fetch(parsed.href, { headers }),
    (response) => {
      const other = response.webSocket;
      if (other === null) {
        failed("Failed to establish the WebSocket connection: expected server to reply with HTTP status code 101 (switching protocols).");
        return;
      }
      // The connection moves from the response's socket into this one.
      const theirs = ends.fieldsOf(other);
      fields.id = theirs.id;
      fields.inbox = theirs.inbox;
      fields.protocol = response.headers.get("sec-websocket-protocol") ?? "";
      fields.extensions = response.headers.get("sec-websocket-extensions") ?? "";
      theirs.id = 0;
      MapPrototypeSet(sockets, fields.id, socket);
      fields.state = OPEN;
      contexts.runIn(io, () => dispatch(socket, new Event("open")));
      flushInbox(socket, fields);
    },
    (error) => failed(String(error?.message ?? error)),
  );
}

return { connect };
})();
