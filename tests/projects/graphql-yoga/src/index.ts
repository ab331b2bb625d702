import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";

interface Book {
  id: string;
  title: string;
  pages: number;
}

const books: readonly Book[] = [
  { id: "1", title: "Sketch of the Analytical Engine", pages: 66 },
  { id: "2", title: "The Education of a Computer", pages: 7 },
];

const yoga = createYoga({
  logging: false,
  graphiql: false,
  schema: createSchema({
    typeDefs: /* GraphQL */ `
      type Book {
        id: ID!
        title: String!
        pages(atLeast: Int = 0): Int
      }
      type Query {
        books(longerThan: Int): [Book!]!
        book(id: ID!): Book
      }
      type Mutation {
        read(id: ID!, pages: Int!): Book!
      }
    `,
    resolvers: {
      Query: {
        books: (_: unknown, { longerThan = 0 }: { longerThan?: number }) =>
          books.filter((book) => book.pages > longerThan),
        book: (_: unknown, { id }: { id: string }) => books.find((book) => book.id === id),
      },
      Mutation: {
        read: (_: unknown, { id, pages }: { id: string; pages: number }) => {
          const book = books.find((book) => book.id === id);
          if (book === undefined) throw new GraphQLError(`there is no book ${id}`);
          return { ...book, pages: book.pages - pages };
        },
      },
    },
  }),
});

export default {
  fetch: (request: Request, env: object, ctx: object) => yoga.fetch(request, { env, ctx }),
};
