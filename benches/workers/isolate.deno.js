// One isolate of isolate_host.deno.js: answers each message with a response's text.
import worker from "./hello.js";

self.onmessage = async () => {
  const response = await worker.fetch(new Request("http://localhost/"));
  self.postMessage(await response.text());
};
