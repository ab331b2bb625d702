// 64 MiB in 64 KiB chunks, pulled through an identity TransformStream. The one
// chunk is enqueued again and again, so that no allocation is part of the figure.
const CHUNKS = 1024;
const chunk = new Uint8Array(64 * 1024).fill(0x78);

export default {
  fetch() {
    let sent = 0;
    const source = new ReadableStream({
      pull(controller) {
        controller.enqueue(chunk);
        if (++sent === CHUNKS) controller.close();
      },
    });
    return new Response(source.pipeThrough(new TransformStream()), {
      headers: { "content-type": "application/octet-stream" },
    });
  },
};
