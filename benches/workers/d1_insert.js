// The request's body becomes a row; the answer leaves when it is on disk.
let made;
export default {
  async fetch(request, { DB }) {
    made ??= DB.exec("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, body TEXT)");
    await made;
    await DB.prepare("INSERT INTO notes (body) VALUES (?)").bind(await request.text()).run();
    return new Response("stored");
  },
};
