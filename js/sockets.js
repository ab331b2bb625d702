// The module `cloudflare:sockets`: TCP connections, plain and encrypted
// (https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/).
(function () {
const { core } = __bootstrap;
const { op_socket_connect } = core.ops;
const { readAddress, readOptions } = core.loadExtScript("ext:selvedge/sockets/address.js");
const { Connection, socketOf } = core.loadExtScript("ext:selvedge/sockets/connection.js");

function connect(address, options = undefined) {
  const { hostname, port } = readAddress(address);
  const read = readOptions(options, "SocketsModule");
  const connection = new Connection(`${hostname}:${port}`, hostname, read);
  connection.open(
    op_socket_connect(connection.io.slot, hostname, port, read.secureTransport === "on"),
  );
  return socketOf(connection);
}

return { connect };
})();
