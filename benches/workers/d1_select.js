// One row of a D1 database, by its key.
export default {
  async fetch(request, { DB }) {
    if (request.method === "GET") {
      const row = await DB.prepare("SELECT body FROM notes WHERE id = ?").bind(1).first();
      return new Response(row.body);
    }
    await DB.exec("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT)");
    await DB.prepare("INSERT OR REPLACE INTO notes VALUES (1, ?)").bind("Hello from D1!").run();
    return new Response("seeded");
  },
};
