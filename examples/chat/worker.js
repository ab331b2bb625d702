// Chat rooms: a page, and one Durable Object for each room. Sockets belong to the
// room even while it is not in memory (they hibernate); what was said last is in
// its storage, for those who come later.
import { DurableObject } from "cloudflare:workers";
import page from "./page.html";

/** How much is kept of what was said. */
const KEPT = 50;
const MAX_NAME = 32;
const MAX_TEXT = 1000;

export class Room extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS said (id INTEGER PRIMARY KEY, name TEXT, text TEXT, at INTEGER)");
    // Pings are answered without waking the room.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      return Response.json({ people: this.people(), said: this.history() });
    }
    const name = (new URL(request.url).searchParams.get("name") ?? "").trim().slice(0, MAX_NAME) || "somebody";
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    // It comes back with the socket when the room wakes.
    server.serializeAttachment({ name });
    server.send(JSON.stringify({ history: this.history() }));
    this.broadcast({ people: this.people() });
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    if (typeof message !== "string") return socket.close(1003, "text only");
    const { name } = socket.deserializeAttachment();
    const said = { name, text: message.slice(0, MAX_TEXT), at: Date.now() };
    this.sql.exec("INSERT INTO said (name, text, at) VALUES (?, ?, ?)", said.name, said.text, said.at);
    this.sql.exec("DELETE FROM said WHERE id <= (SELECT max(id) FROM said) - ?", KEPT);
    // Nobody hears it before it is on disk.
    this.broadcast({ said });
  }

  webSocketClose(socket) {
    this.broadcast({ people: this.people(socket) });
  }

  webSocketError(socket) {
    this.webSocketClose(socket);
  }

  /** The names of all who are in, but for one who leaves. */
  people(leaving) {
    return this.ctx.getWebSockets()
      .filter((socket) => socket !== leaving)
      .map((socket) => socket.deserializeAttachment()?.name ?? "somebody");
  }

  history() {
    return this.sql.exec("SELECT name, text, at FROM said ORDER BY id").toArray();
  }

  broadcast(message) {
    const text = JSON.stringify(message);
    for (const socket of this.ctx.getWebSockets()) {
      try {
        socket.send(text);
      } catch {
        // It is closing; its close event follows.
      }
    }
  }
}

export default {
  fetch(request, { ROOM }) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") {
      return new Response(page, { headers: { "content-type": "text/html;charset=UTF-8" } });
    }
    const room = /^\/rooms\/([\w-]{1,64})$/.exec(pathname);
    if (room === null) return new Response("there is no such page\n", { status: 404 });
    return ROOM.getByName(room[1]).fetch(request);
  },
};
