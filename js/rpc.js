// Remote calls between Workers, and to Durable Objects: the parts, and what of
// them others use. Streams and what has bodies load when the first one crosses.
(function () {
const { core, internals } = __bootstrap;
const { isOff, rpc } = internals;

rpc.dupParams = () => !isOff("rpc_params_dup_stubs");

/** Loads the script that then stands in for the functions here. */
function objects() {
  core.loadExtScript("ext:selvedge/rpc/platform_objects.js");
  return rpc;
}

rpc.encodeRequest = (encoder, request) => objects().encodeRequest(encoder, request);
rpc.encodeResponse = (encoder, response) => objects().encodeResponse(encoder, response);
rpc.encodePlatformObject = (encoder, value) => objects().encodePlatformObject(encoder, value);
rpc.materialize = (made, io) => objects().materialize(made, io);
rpc.openService = (target) => target.again();

const stubs = core.loadExtScript("ext:selvedge/rpc/stubs.js");
const receivers = core.loadExtScript("ext:selvedge/rpc/receivers.js");
const { invoke } = core.loadExtScript("ext:selvedge/rpc/capabilities.js");

return { ...stubs, connectHere: receivers.connectHere, invoke };
})();
