//! WebSockets with a real client, and frames by hand where that matters.

mod backlog;
pub(crate) mod client;
mod echo;
mod many;
mod outbound;
pub(crate) mod packed;
mod wire;

pub(crate) use many::raise_limit;

/// Echoes; some texts ask for something else.
const ECHO: &str = r#"
export default {
  async fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      return new Response("expected a WebSocket", { status: 426 });
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.binaryType = "arraybuffer";
    server.addEventListener("message", ({ data }) => {
      if (data === "close") server.close(4001, "as you wish");
      else if (data === "throw") throw new Error("thrown in a listener");
      else if (data === "type") server.send(typeof data);
      else if (data === "ping me later") setTimeout(() => server.send("later"), 20);
      else server.send(data);
    });
    server.addEventListener("close", (event) => {
      console.log(`closed ${event.code} "${event.reason}" ${event.wasClean}`);
    });
    server.addEventListener("error", () => console.log("error event"));
    return new Response(null, { status: 101, webSocket: client });
  },
};
"#;
