// One room: what a client sends goes to all, itself too. The sockets may hibernate.
import { DurableObject } from "cloudflare:workers";

export class Bench extends DurableObject {
  fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client });
  }

  webSocketMessage(socket, message) {
    for (const other of this.ctx.getWebSockets()) other.send(message);
  }
}

export default {
  fetch(request, { OBJECTS }) {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("expected a WebSocket", { status: 426 });
    }
    return OBJECTS.getByName("room").fetch(request);
  },
};
