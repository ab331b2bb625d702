import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import type { FC, PropsWithChildren } from "hono/jsx";

import { notes } from "./notes";

type Variables = { started: number };

const app = new Hono<{ Variables: Variables }>();

const Page: FC<PropsWithChildren<{ title: string }>> = ({ title, children }) => (
  <html lang="en">
    <head>
      <title>{title}</title>
    </head>
    <body>{children}</body>
  </html>
);

app.use("/api/*", cors({ origin: "https://example.com" }));
app.use("/private/*", basicAuth({ username: "ada", password: "lovelace" }));
app.use(async (c, next) => {
  await next();
  c.header("x-powered-by", "hono");
});

app.get("/", (c) =>
  c.html(
    <Page title="Notes">
      <ul>
        {notes.all().map((note) => (
          <li id={`note-${note.id}`}>{note.text}</li>
        ))}
      </ul>
    </Page>,
  ),
);
app.get("/api/notes/:id{[0-9]+}", (c) => {
  const note = notes.find(Number(c.req.param("id")));
  if (note === undefined) throw new HTTPException(404, { message: "no such note" });
  return c.json(note);
});
app.post("/api/echo", async (c) => c.json({ got: await c.req.json(), query: c.req.query("q") }, 201));
app.get("/private/hello", (c) => c.text("hello ada"));
app.get("/boom", () => {
  throw new Error("boom");
});
app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse();
  return c.json({ error: error.message }, 500);
});
app.notFound((c) => c.text(`nothing at ${c.req.path}`, 404));

export default app;
