// `navigator.sendBeacon()`: a POST that nobody waits for, but the request does.
(function () {
const { core, internals } = __bootstrap;
const { bodies, io: contexts, request: requests, response: responses } = internals.selvedge;
const { fetch } = core.loadExtScript("ext:selvedge/fetch/fetch.js");
const { discard } = core.loadExtScript("ext:selvedge/streams.js");

/** Tells whether the data is on its way. */
function sendBeacon(url, body) {
  url = `${url}`;
  const io = contexts.requiredOpen();
  let request;
  try {
    request = new requests.Request(url, { __proto__: null, method: "POST", body });
  } catch {
    return false;
  }
  contexts.waitUntil(io, send(request), () => {});
  return true;
}

async function send(request) {
  const response = await fetch(request);
  const { body } = responses.innerOf(response);
  if (body !== null) discard(bodies.streamOf(body), undefined);
}

return { sendBeacon };
})();
