import { z } from "zod";

const Order = z
  .object({
    id: z.uuid(),
    email: z.email().transform((email) => email.toLowerCase()),
    items: z
      .array(z.object({ sku: z.string().regex(/^[A-Z]{2}-\d+$/), count: z.int().positive() }))
      .min(1),
    kind: z.discriminatedUnion("type", [
      z.object({ type: z.literal("pickup"), shop: z.string() }),
      z.object({ type: z.literal("delivery"), city: z.string(), at: z.coerce.date() }),
    ]),
    note: z.string().max(20).optional().default("none"),
  })
  .strict();

type Order = z.infer<typeof Order>;

const summary = (order: Order) => ({
  ...order,
  total: order.items.reduce((total, item) => total + item.count, 0),
});

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/schema") return Response.json(z.toJSONSchema(Order.shape.items));
    const parsed = Order.safeParse(await request.json());
    if (parsed.success) return Response.json(summary(parsed.data));
    const issues = parsed.error.issues.map(({ path, code, message }) => ({
      path: path.join("."),
      code,
      message,
    }));
    return Response.json({ issues }, { status: 422 });
  },
};
