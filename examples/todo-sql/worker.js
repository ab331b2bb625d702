// A list of things to do for each user, in a database of his own: the SQLite of a
// Durable Object. The Worker is the HTTP side, the object has methods.
import { DurableObject } from "cloudflare:workers";

export class TodoList extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec(`CREATE TABLE IF NOT EXISTS items (
      id INTEGER PRIMARY KEY,
      title TEXT NOT NULL,
      done INTEGER NOT NULL DEFAULT 0
    )`);
  }

  add(title) {
    return this.sql.exec("INSERT INTO items (title) VALUES (?) RETURNING id, title, done", title).one();
  }

  items() {
    return this.sql.exec("SELECT id, title, done FROM items ORDER BY done, id").toArray();
  }

  /** Whether there was such an item. */
  finish(id) {
    return this.sql.exec("UPDATE items SET done = 1 WHERE id = ?", id).rowsWritten > 0;
  }

  remove(id) {
    return this.sql.exec("DELETE FROM items WHERE id = ?", id).rowsWritten > 0;
  }
}

export default {
  async fetch(request, { TODO }) {
    const [, user, id] = new URL(request.url).pathname.split("/");
    if (user === "") return new Response("try /ada\n", { status: 404 });
    const list = TODO.getByName(user);
    switch (request.method) {
      case "GET":
        return Response.json(await list.items());
      case "POST":
        return Response.json(await list.add(await request.text()), { status: 201 });
      case "PUT":
        return answer(await list.finish(Number(id)), "done\n");
      case "DELETE":
        return answer(await list.remove(Number(id)), "gone\n");
      default:
        return new Response("GET, POST, PUT or DELETE\n", { status: 405 });
    }
  },
};

function answer(was, text) {
  return was ? new Response(text) : new Response("there is no such item\n", { status: 404 });
}
