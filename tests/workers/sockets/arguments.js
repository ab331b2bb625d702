// What `connect()` takes. (Connections are in tests/it/sockets.rs.)
import { connect } from "cloudflare:sockets";
import { equal, throws } from "../assert.js";

const problem = (...args) => throws(() => connect(...args), TypeError).message;

export const addresses = {
  test() {
    const bad = "Specified address is empty string, contains unsupported characters or is too long.";
    equal(problem("host"), "Specified address is missing port.");
    equal(problem(5), "Specified address is missing port.");
    equal(problem("http://host:80"), "Specified address is missing port.");
    equal(problem("host:99999"), "Specified address could not be parsed.");
    equal(problem("user@host:80"), bad);
    equal(problem("host:80/path"), bad);
    equal(problem({ hostname: "host" }), "The value cannot be converted because it is not an integer.");
    equal(problem({ hostname: "host", port: 99999 }), "Value out of range. Must be less than or equal to 65535.");
    equal(problem({ hostname: "a/b", port: 80 }), bad);
    throws(() => connect(), TypeError);
  },
};

export const options = {
  test() {
    equal(problem("host:80", { secureTransport: "maybe" }), "Unsupported value in secureTransport socket option: maybe");
    equal(
      problem("host:80", 5),
      "Failed to execute 'connect' on 'SocketsModule': parameter 2 is not of type 'SocketOptions'.",
    );
  },
};

export const start_tls = {
  async test() {
    const quiet = (socket) => {
      socket.opened.catch(() => {});
      socket.closed.catch(() => {});
      return socket;
    };
    const plain = quiet(connect("localhost:1"));
    equal(
      throws(() => plain.startTls(), TypeError).message,
      "The `secureTransport` socket option must be set to 'starttls' for startTls to be used.",
    );
    const encrypted = quiet(connect("localhost:1", { secureTransport: "on" }));
    equal(encrypted.secureTransport, "on");
    equal(throws(() => encrypted.startTls(), TypeError).message, "Cannot startTls on a TLS socket.");
    const later = quiet(connect("localhost:1", { secureTransport: "starttls" }));
    const upgraded = quiet(later.startTls());
    equal(upgraded.secureTransport, "on");
    equal(later.upgraded, false);
    equal(
      throws(() => later.startTls(), TypeError).message,
      "startTls has already been called on this socket, or the socket was transferred over RPC.",
    );
  },
};
