// compatibility-date: 2022-10-01
// Before 2022-11-30 Workers made no streams of their own.
import { equal, same, throws } from "../assert.js";

const text = (name) =>
  `To use the new ${name}() constructor, enable the streams_enable_constructors compatibility flag. ` +
  "Refer to the docs for more information: https://developers.cloudflare.com/workers/platform/compatibility-dates/#compatibility-flags";

export const streamsCannotBeConstructed = {
  test() {
    equal(throws(() => new ReadableStream(), Error).message, text("ReadableStream"));
    equal(throws(() => new WritableStream({}), Error).message, text("WritableStream"));
    equal(throws(() => ReadableStream.from([1]), Error).message, text("ReadableStream"));
  },
};

export const controllersAreNoGlobals = {
  test() {
    same(
      [
        typeof ReadableStreamDefaultController,
        typeof ReadableByteStreamController,
        typeof ReadableStreamBYOBRequest,
        typeof WritableStreamDefaultController,
        typeof TransformStreamDefaultController,
        typeof ReadableStreamDefaultReader,
      ],
      ["undefined", "undefined", "undefined", "undefined", "undefined", "function"],
    );
  },
};

export const thoseOfThePlatformAreThere = {
  async test() {
    const { body } = new Response("hello");
    equal(body instanceof ReadableStream, true);
    equal(new ReadableStreamDefaultReader(body).closed instanceof Promise, true);
    const [one, other] = new Response("twice").body.tee();
    equal(await new Response(one).text() + await new Response(other).text(), "twicetwice");
    equal(await new Response(new Blob(["blob"]).stream()).text(), "blob");
  },
};

export const transformsPassBytes = {
  async test() {
    const { readable, writable } = new TransformStream();
    equal(new TransformStream() instanceof TransformStream, true);
    const writer = writable.getWriter();
    writer.write("abc");
    writer.close();
    same([...new Uint8Array(await new Response(readable).arrayBuffer())], [97, 98, 99]);
  },
};

export const whateverTransformerTheyGet = {
  async test() {
    const { readable, writable } = new TransformStream({
      transform(chunk, controller) {
        controller.enqueue("changed");
      },
    });
    const writer = writable.getWriter();
    writer.write(new Uint8Array([1, 2]));
    writer.close();
    same([...new Uint8Array(await new Response(readable).arrayBuffer())], [1, 2]);
  },
};

export const textsOfStreamsAreBytes = {
  async test() {
    const reader = new Response("abc").body.pipeThrough(new TextDecoderStream()).getReader();
    same([...(await reader.read()).value], [97, 98, 99]);
  },
};
