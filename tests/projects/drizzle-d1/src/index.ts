import { and, asc, count, desc, eq, gt, sql } from "drizzle-orm";
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";

import * as schema from "./schema";
import { authors, books } from "./schema";

interface Env {
  DB: D1Database;
}

type Database = DrizzleD1Database<typeof schema>;

/** What D1 said: an error of the database is the cause of one of drizzle's. */
function reason(error: unknown): string | undefined {
  for (let at = error as Error | undefined; at !== undefined; at = at.cause as Error | undefined) {
    if (at.message.startsWith("D1_ERROR")) return at.message;
  }
}

/** Each path is one thing that people do with a database. */
const PATHS: Record<string, (db: Database) => Promise<unknown>> = {
  async "/insert"(db) {
    const [ada] = await db.insert(authors).values({ name: "Ada", tags: ["machines"] }).returning();
    const [grace] = await db.insert(authors).values({ name: "Grace" }).returning();
    const written = await db
      .insert(books)
      .values([
        { title: "Notes", authorId: ada.id, price: 9.5, published: new Date(1_700_000_000_000) },
        { title: "Compilers", authorId: grace.id, isSold: true },
        { title: "Bugs", authorId: grace.id, price: 3 },
      ])
      .returning({ id: books.id });
    return { ada, grace, books: written.map((book) => book.id) };
  },
  async "/upsert"(db) {
    const { meta } = await db
      .insert(authors)
      .values({ name: "Ada" })
      .onConflictDoUpdate({ target: authors.name, set: { tags: ["poetry", "machines"] } });
    return { changes: meta.changes, author: await db.query.authors.findFirst({ where: eq(authors.name, "Ada") }) };
  },
  "/join": (db) =>
    db
      .select({ author: authors.name, books: count(books.id), dearest: sql<number | null>`max(${books.price})` })
      .from(authors)
      .leftJoin(books, eq(books.authorId, authors.id))
      .groupBy(authors.id)
      .orderBy(desc(count(books.id)), asc(authors.name)),
  "/nested": (db) =>
    db.query.authors.findMany({
      with: { books: { columns: { title: true, isSold: true, published: true }, orderBy: asc(books.title) } },
      orderBy: asc(authors.id),
    }),
  async "/update"(db) {
    const sold = await db.update(books).set({ isSold: true }).where(gt(books.price, 5)).returning();
    return sold.map(({ title, published }) => ({ title, published }));
  },
  async "/batch"(db) {
    const [written, all, one] = await db.batch([
      db.insert(books).values({ title: "Letters", authorId: 1 }).returning({ id: books.id }),
      db.select({ n: count() }).from(books),
      db.query.books.findFirst({ where: eq(books.title, "Letters"), with: { author: true } }),
    ]);
    return { written, all, author: one?.author.name };
  },
  async "/batch-fails"(db) {
    const before = await db.$count(books);
    let message: string | undefined;
    try {
      await db.batch([
        db.insert(books).values({ title: "Lost", authorId: 1 }),
        db.insert(authors).values({ name: "Ada" }),
      ]);
    } catch (error) {
      message = reason(error);
    }
    return { message, written: (await db.$count(books)) - before };
  },
  async "/orphan"(db) {
    try {
      await db.insert(books).values({ title: "Nobody's", authorId: 99 });
    } catch (error) {
      return { message: reason(error) };
    }
  },
  async "/transaction"(db) {
    try {
      await db.transaction(async (tx) => tx.insert(authors).values({ name: "Nobody" }));
    } catch (error) {
      return { message: reason(error), authors: await db.$count(authors) };
    }
  },
  async "/prepared"(db) {
    const byTitle = db
      .select({ id: books.id, author: authors.name })
      .from(books)
      .innerJoin(authors, and(eq(authors.id, books.authorId)))
      .where(eq(books.title, sql.placeholder("title")))
      .prepare();
    return [await byTitle.get({ title: "Bugs" }), await byTitle.all({ title: "None" })];
  },
  async "/delete"(db) {
    const deleted = await db.delete(authors).where(eq(authors.name, "Grace")).returning({ id: authors.id });
    return { deleted, books: await db.select({ title: books.title }).from(books).orderBy(books.id) };
  },
};

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const path = PATHS[new URL(request.url).pathname];
    if (path === undefined) return new Response("not found", { status: 404 });
    return Response.json(await path(drizzle(env.DB, { schema })));
  },
};
