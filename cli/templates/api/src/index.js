import { Router } from "./router.js";

const router = new Router()
  .get("/", () => Response.json({ endpoints: ["GET /hello/:name", "POST /sum"] }))
  .get("/hello/:name", ({ params }) => Response.json({ message: `Hello, ${params.name}!` }))
  .post("/sum", async ({ request }) => {
    const body = await readJson(request);
    const numbers = body?.numbers;
    if (!Array.isArray(numbers) || !numbers.every(Number.isFinite)) {
      return problem(422, 'expected {"numbers": [1, 2, ..]}');
    }
    return Response.json({ sum: numbers.reduce((sum, number) => sum + number, 0) });
  });

export default {
  async fetch(request, env, ctx) {
    try {
      return (await router.handle(request, env, ctx)) ?? problem(404, "there is nothing here");
    } catch (error) {
      if (error instanceof BadRequest) return problem(400, error.message);
      console.error(error);
      return problem(500, "something went wrong");
    }
  },
};

class BadRequest extends Error {}

async function readJson(request) {
  try {
    return await request.json();
  } catch {
    throw new BadRequest("the body is not JSON");
  }
}

function problem(status, message) {
  return Response.json({ error: message }, { status });
}
