import { expect, test } from "vitest";

import worker from "../src/index";

const env: Env = { GREETING: "Hello" };

function ask(path: string) {
  const request = new Request(`http://localhost${path}`) as Parameters<typeof worker.fetch>[0];
  return worker.fetch(request, env, {} as ExecutionContext);
}

test("greets the world", async () => {
  const response = await ask("/");
  expect(response.status).toBe(200);
  expect(await response.text()).toBe("Hello, World!\n");
});

test("greets whom it is told to", async () => {
  expect(await (await ask("/?name=Ada")).text()).toBe("Hello, Ada!\n");
});
