import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { jsxRenderer } from "hono/jsx-renderer";
import { streamText } from "hono/streaming";

type Bindings = {
  ASSETS: { fetch(request: Request): Promise<Response> };
  KV: { get(key: string): Promise<string | null>; put(key: string, value: string): Promise<void> };
  NAME: string;
};

const app = new Hono<{ Bindings: Bindings }>();

app.use("/pages/*", jsxRenderer(({ children }) => (
  <html>
    <head>
      <link href="/style.css" rel="stylesheet" />
    </head>
    <body>{children}</body>
  </html>
)));

app.get("/pages/hello", (c) => c.render(<h1>Hello {c.env.NAME}!</h1>));

app.get("/api/stream", (c) =>
  streamText(c, async (stream) => {
    for (const word of ["one ", "two ", "three"]) await stream.write(word);
  }));

app.put("/api/kv/:key", async (c) => {
  await c.env.KV.put(c.req.param("key"), await c.req.text());
  return c.body(null, 204);
});
app.get("/api/kv/:key", async (c) => {
  const value = await c.env.KV.get(c.req.param("key"));
  return value === null ? c.notFound() : c.text(value);
});

app.use("/private/*", basicAuth({ username: "hono", password: "acoolproject" }));
app.get("/private/*", (c) => c.env.ASSETS.fetch(c.req.raw));

export default app;
