import page from "./page.html";
import { Room } from "./room.js";

// All sockets of one isolate. Another isolate of the same Worker would have a
// room of its own: see README.md.
const room = new Room();

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/ws") {
      if (request.headers.get("upgrade") !== "websocket") {
        return new Response("expected a WebSocket\n", { status: 426 });
      }
      const { 0: client, 1: server } = new WebSocketPair();
      server.accept();
      const member = room.join((text) => server.send(text));
      server.addEventListener("message", (event) => member.say(event.data));
      server.addEventListener("close", () => member.leave());
      server.addEventListener("error", () => member.leave());
      return new Response(null, { status: 101, webSocket: client });
    }
    if (pathname === "/") {
      return new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } });
    }
    return new Response("there is nothing here\n", { status: 404 });
  },
};
