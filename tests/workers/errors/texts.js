// Exceptions of Web APIs: their types and texts are workerd's.
import { equal } from "../assert.js";

/** What each throws, or its promise is rejected with. */
const CASES = {
  "new URL('foo')": [() => new URL("foo"), "TypeError: Invalid URL string."],
  "new URL('foo', 'bar')": [() => new URL("foo", "bar"), "TypeError: Invalid URL string."],
  atob: [
    () => atob("*"),
    "InvalidCharacterError: atob() called with invalid base64-encoded data. (Only whitespace, '+', '/', alphanumeric " +
    "ASCII, and up to two terminal '=' signs when the input data length is divisible by 4 are allowed.)",
  ],
  btoa: [
    () => btoa("\u0100"),
    "InvalidCharacterError: btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.",
  ],
  "label of TextDecoder": [() => new TextDecoder("foo"), 'RangeError: "foo" is not a valid encoding.'],
  "fatal TextDecoder": [
    () => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array([255])),
    "TypeError: Failed to decode input.",
  ],
  "format of CompressionStream": [
    () => new CompressionStream("foo"),
    "TypeError: The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.",
  ],
  dispatchEvent: [
    () => new EventTarget().dispatchEvent(5),
    "TypeError: Failed to execute 'dispatchEvent' on 'EventTarget': parameter 1 is not of type 'Event'.",
  ],
  "length of FixedLengthStream": [
    () => new FixedLengthStream(-1),
    "TypeError: The value cannot be converted because it is negative and this API expects a positive bigint.",
  ],
  "scheduler.wait()": [
    () => scheduler.wait(),
    "TypeError: Failed to execute 'wait' on 'Scheduler': parameter 1 is not of type 'number'.",
  ],
  "fetch()": [
    () => fetch(),
    "TypeError: Failed to execute 'fetch' on 'ServiceWorkerGlobalScope': parameter 1 is not of type 'Request or string'.",
  ],
  "Response.redirect": [
    () => Response.redirect("http://x", 200),
    "RangeError: 200 is not a redirect status code. It must be one of: 301, 302, 303, 307, or 308.",
  ],
  "integrity of a request": [
    () => new Request("http://x", { integrity: "sha256-x" }),
    "TypeError: Subrequest integrity checking is not implemented. The integrity option must be either undefined or " +
    "an empty string.",
  ],
  "signal of a request": [
    () => new Request("http://x", { signal: 5 }),
    "TypeError: Incorrect type for the 'signal' field on 'RequestInitializerDict': the provided value is not of type " +
    "'AbortSignal'.",
  ],
  "options of accept()": [
    () => new WebSocketPair()[0].accept(5),
    "TypeError: Failed to execute 'accept' on 'WebSocket': parameter 1 is not of type 'AcceptOptions'.",
  ],
  "options of values()": [
    () => new ReadableStream().values(5),
    "TypeError: Failed to execute 'values' on 'ReadableStream': parameter 1 is not of type 'ValuesOptions'.",
  ],
  "getEntriesByName()": [
    () => performance.getEntriesByName(),
    "TypeError: Failed to execute 'getEntriesByName' on 'Performance': parameter 1 is not of type 'string'.",
  ],
  "options of a mark": [
    () => performance.mark("x", 5),
    "TypeError: Failed to execute 'mark' on 'Performance': parameter 2 is not of type 'Options'.",
  ],
  "new PerformanceMark()": [
    () => new PerformanceMark(),
    "TypeError: Failed to construct 'PerformanceMark': constructor parameter 1 is not of type 'string'.",
  ],
  "options of PerformanceMark": [
    () => new PerformanceMark("x", 5),
    "TypeError: Failed to construct 'PerformanceMark': constructor parameter 2 is not of type 'Options'.",
  ],
  "new PerformanceObserver()": [
    () => new PerformanceObserver(),
    "TypeError: Failed to construct 'PerformanceObserver': constructor parameter 1 is not of type 'Value'.",
  ],
  "setResourceTimingBufferSize()": [
    () => performance.setResourceTimingBufferSize(),
    "TypeError: Failed to execute 'setResourceTimingBufferSize' on 'Performance': parameter 1 is not of type " +
    "'unsigned integer'.",
  ],
  "value of a header": [() => new Headers({ a: "b\nc" }), "TypeError: Invalid header value."],
};

export const texts = {
  async test() {
    for (const [name, [run, expected]] of Object.entries(CASES)) {
      let text = "nothing";
      try {
        await run();
      } catch (error) {
        text = `${error.name}: ${error.message}`;
      }
      equal(text, expected, name);
    }
  },
};
