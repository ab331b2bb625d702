// An echo over WebSocket, and a page to try it in a browser.
export default {
  fetch(request) {
    if (request.headers.get("upgrade") !== "websocket") {
      if (request.headers.get("accept")?.includes("text/html")) {
        return new Response(PAGE, { headers: { "content-type": "text/html;charset=UTF-8" } });
      }
      return new Response("This is a WebSocket.\n", { status: 426, headers: { upgrade: "websocket" } });
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.binaryType = "arraybuffer";
    server.addEventListener("message", ({ data }) => server.send(data));
    server.addEventListener("close", ({ code, reason }) => console.log(`closed: ${code} ${reason}`));
    return new Response(null, { status: 101, webSocket: client });
  },
};

const PAGE = `<!doctype html><meta charset="utf-8"><title>Echo</title>
<form><input autofocus><button>Send</button></form><pre></pre>
<script>
  const socket = new WebSocket(location.href.replace(/^http/, "ws"));
  const pre = document.querySelector("pre"), input = document.querySelector("input");
  socket.onmessage = ({ data }) => { pre.textContent += data + "\\n"; };
  document.querySelector("form").onsubmit = (event) => {
    event.preventDefault();
    socket.send(input.value);
    input.value = "";
  };
</script>`;
