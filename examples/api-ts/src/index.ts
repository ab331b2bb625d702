// A JSON API over KV, with Hono and types.
import { Hono } from "hono";

import { type Note, parseNote } from "./note.ts";

const app = new Hono<{ Bindings: Env }>();

app.get("/notes", async (c) => {
  const { keys } = await c.env.NOTES.list({ prefix: "note:", limit: c.env.MAX_NOTES });
  return c.json(keys.map((key) => key.name.slice("note:".length)));
});

app.get("/notes/:id", async (c) => {
  const note = await c.env.NOTES.get<Note>(`note:${c.req.param("id")}`, "json");
  return note === null ? c.json({ error: "no such note" }, 404) : c.json(note);
});

app.put("/notes/:id", async (c) => {
  const note = parseNote(await c.req.text());
  if (note === undefined) return c.json({ error: 'send {"text": "..", "tags": ["..", ..]}' }, 400);
  await c.env.NOTES.put(`note:${c.req.param("id")}`, JSON.stringify(note));
  return c.json(note, 201);
});

app.delete("/notes/:id", async (c) => {
  await c.env.NOTES.delete(`note:${c.req.param("id")}`);
  return c.body(null, 204);
});

export default app;
