// An order, from its payment to its shipping. Each step's result is kept: end the
// server in the middle, start it again, and the order goes on where it was.
import { WorkflowEntrypoint } from "cloudflare:workers";
import { NonRetryableError } from "cloudflare:workflows";

export class Order extends WorkflowEntrypoint {
  async run(event, step) {
    const { item, amount } = event.payload;

    // What fails is tried again, later each time.
    const retries = { limit: 5, delay: "1 second", backoff: "exponential" };
    const payment = await step.do("charge the card", { retries, timeout: "30 seconds" }, async ({ attempt }) => {
      return charge(event.instanceId, amount, attempt);
    });

    await step.sleep("time to think again", "1 second");

    // Somebody has to agree: see `approve` below.
    let approval;
    try {
      approval = await step.waitForEvent("the approval", { type: "approval", timeout: "1 day" });
    } catch {
      await step.do("give the money back", async () => ({ refunded: payment.id }));
      return { item, approved: false };
    }

    await step.do("ship", async () => ({ to: approval.payload.by }));
    return { item, paid: payment.amount, attempts: payment.attempts, approvedBy: approval.payload.by };
  }
}

/** Stands for a bank that does not answer at first. The id keeps it from charging twice. */
function charge(id, amount, attempt) {
  if (!(amount > 0)) throw new NonRetryableError("there is nothing to pay");
  if (attempt === 1) throw new Error("the bank does not answer");
  return { id, amount, attempts: attempt };
}

/** The status of an order; with `until`, once it is that, or the order has ended. */
async function statusOf(instance, until) {
  for (;;) {
    const { status, output, error } = await instance.status();
    const hasEnded = status === "complete" || status === "errored" || status === "terminated";
    if (until === null || status === until || hasEnded) {
      return { id: instance.id, status, ...(output ? { output } : {}), ...(error ? { error: error.message } : {}) };
    }
    await scheduler.wait(50);
  }
}

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [, orders, id, what] = pathname.split("/");
    if (orders !== "orders") return new Response("POST an order to /orders\n", { status: 404 });
    if (id === undefined && request.method === "POST") {
      const { id, ...params } = await request.json();
      const instance = await env.ORDERS.create({ id, params });
      return Response.json({ id: instance.id });
    }
    const instance = await env.ORDERS.get(id);
    if (what === "approve") {
      await instance.sendEvent({ type: "approval", payload: await request.json() });
      return new Response("approved\n");
    }
    return Response.json(await statusOf(instance, searchParams.get("until")));
  },
};
