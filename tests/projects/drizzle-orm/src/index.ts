import { and, count, desc, eq, inArray, like } from "drizzle-orm";
import { drizzle } from "drizzle-orm/sqlite-proxy";

import * as schema from "./schema";
import { authors, books } from "./schema";

/** Rows of `authors`, as a driver gives them. */
const ROWS: [number, string, string][] = [
  [1, "Ada", '["mathematics","machines"]'],
  [2, "Grace", '["compilers"]'],
];

/** In place of a database: answers the one query that filters by id. */
const db = drizzle(
  async (statement, params, method) => {
    const rows = ROWS.filter(([id]) => statement.includes('from "authors"') && params.includes(id));
    return { rows: method === "get" ? (rows[0] ?? []) : rows };
  },
  { schema },
);

const byTitle = (title: string) =>
  db
    .select({ author: authors.name, books: count(books.id) })
    .from(books)
    .innerJoin(authors, eq(books.authorId, authors.id))
    .where(and(like(books.title, `%${title}%`), inArray(authors.id, [1, 2])))
    .groupBy(authors.name)
    .orderBy(desc(count(books.id)))
    .limit(5);

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, resource, id] = url.pathname.split("/");
    if (resource === "authors") {
      const [author] = await db.select().from(authors).where(eq(authors.id, Number(id)));
      return author ? Response.json(author) : new Response("not found", { status: 404 });
    }
    if (resource === "sql") {
      const insert = db
        .insert(books)
        .values({ id: 7, title: "Notes", authorId: 1, published: new Date(1_700_000_000_000) })
        .onConflictDoUpdate({ target: books.id, set: { title: "Notes" } })
        .returning({ id: books.id });
      return Response.json({ select: byTitle("no").toSQL(), insert: insert.toSQL() });
    }
    return new Response("not found", { status: 404 });
  },
};
