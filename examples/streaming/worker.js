// Bodies that are never whole in memory: one is made piece by piece, the other
// is changed while it passes through.
export default {
  fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/count":
        return new Response(count(3), { headers: { "content-type": "text/event-stream" } });
      case "/upper":
        return new Response(request.body?.pipeThrough(upper()));
      default:
        return new Response("Try /count, or POST to /upper.\n", { status: 404 });
    }
  },
};

function count(to) {
  let number = 0;
  const encoder = new TextEncoder();
  return new ReadableStream({
    // Called when the client has taken what came before.
    async pull(controller) {
      await scheduler.wait(100);
      controller.enqueue(encoder.encode(`data: ${++number}\n`));
      if (number === to) controller.close();
    },
  });
}

function upper() {
  const decoder = new TextDecoder(), encoder = new TextEncoder();
  return new TransformStream({
    transform(chunk, controller) {
      const text = decoder.decode(chunk, { stream: true });
      controller.enqueue(encoder.encode(text.toUpperCase()));
    },
  });
}
