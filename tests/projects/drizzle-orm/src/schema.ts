import { relations, sql } from "drizzle-orm";
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const authors = sqliteTable("authors", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  name: text("name").notNull(),
  tags: text("tags", { mode: "json" }).$type<string[]>().notNull().default(sql`'[]'`),
});

export const books = sqliteTable(
  "books",
  {
    id: integer("id").primaryKey(),
    title: text("title").notNull(),
    authorId: integer("author_id").references(() => authors.id),
    published: integer("published", { mode: "timestamp" }),
  },
  (table) => [index("by_author").on(table.authorId)],
);

export const booksRelations = relations(books, ({ one }) => ({
  author: one(authors, { fields: [books.authorId], references: [authors.id] }),
}));
