// Echoes each WebSocket message, Deno's way: the same behaviour as ws_echo.js.
export default {
  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("expected a WebSocket", { status: 426 });
    }
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.addEventListener("message", (event) => socket.send(event.data));
    return response;
  },
};
