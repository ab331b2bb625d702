// What `connect()` takes: an address and options
// (https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/).
(function () {
const { core, primordials } = __bootstrap;
const { Number, NumberIsInteger, RegExpPrototypeExec, SafeRegExp, String, StringPrototypeStartsWith, TypeError } =
  primordials;
const { URL } = core.loadExtScript("ext:deno_web/00_url.js");

const BAD_ADDRESS = "Specified address is empty string, contains unsupported characters or is too long.";
const ADDRESS = new SafeRegExp("^[0-9A-Za-z.:_%\\[\\]-]{1,255}$");

/** Host and port, of text or of an object. */
function readAddress(address) {
  if (address === undefined || address === null) {
    throw new TypeError("Cannot initialize SocketAddress with required members from an undefined or null value.");
  }
  if (typeof address === "object" || typeof address === "function") {
    const { hostname, port } = address;
    return { __proto__: null, hostname: bracketed(checked(String(hostname))), port: readPort(port) };
  }
  const text = String(address);
  let url;
  try {
    url = new URL(`socket://${text}`);
  } catch {
    throw new TypeError("Specified address could not be parsed.");
  }
  if (url.port === "") throw new TypeError("Specified address is missing port.");
  checked(text);
  return { __proto__: null, hostname: url.hostname, port: Number(url.port) };
}

function checked(text) {
  if (RegExpPrototypeExec(ADDRESS, text) === null) throw new TypeError(BAD_ADDRESS);
  return text;
}

/** An IPv6 address as it stands in URLs. */
function bracketed(host) {
  if (RegExpPrototypeExec(COLON, host) === null || StringPrototypeStartsWith(host, "[")) return host;
  return `[${host}]`;
}
const COLON = new SafeRegExp(":");

function readPort(value) {
  const port = Number(value);
  if (!NumberIsInteger(port)) throw new TypeError("The value cannot be converted because it is not an integer.");
  if (port < 0) throw new TypeError("The value cannot be converted because it is negative.");
  if (port > 65535) throw new TypeError("Value out of range. Must be less than or equal to 65535.");
  return port;
}

function readOptions(options, className) {
  if (options !== undefined && options !== null && typeof options !== "object" && typeof options !== "function") {
    throw new TypeError(`Failed to execute 'connect' on '${className}': parameter 2 is not of type 'SocketOptions'.`);
  }
  const secure = options?.secureTransport;
  const secureTransport = secure === undefined || secure === null ? "off" : String(secure);
  if (secureTransport !== "off" && secureTransport !== "on" && secureTransport !== "starttls") {
    throw new TypeError(`Unsupported value in secureTransport socket option: ${secureTransport}`);
  }
  return { __proto__: null, secureTransport, allowHalfOpen: !!options?.allowHalfOpen };
}

return { readAddress, readOptions };
})();
