import { AutoRouter, cors, error, type IRequest } from "itty-router";

const { preflight } = cors({ origin: "https://example.com" });

const withNumber = (request: IRequest) => {
  request.number = Number(request.params.number);
  if (!Number.isInteger(request.number)) return error(400, "not a number");
};

const router = AutoRouter({ before: [preflight] });

router
  .get("/hello/:name?", ({ params }) => `hello ${params.name ?? "world"}`)
  .get("/double/:number", withNumber, ({ number }) => ({ double: 2 * number }))
  .get("/query", ({ query }) => query)
  .post("/sum", async (request) => {
    const numbers: number[] = await request.json();
    return { sum: numbers.reduce((sum, number) => sum + number, 0) };
  })
  .get("/throws", () => {
    throw new Error("it broke");
  });

export default router;
