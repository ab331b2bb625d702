// An API's write: parse a JSON body, give it an id, answer with JSON.
export default {
  async fetch(request) {
    const order = await request.json();
    return Response.json({
      id: crypto.randomUUID(),
      customer: order.customer,
      count: order.items.length,
      total: order.items.reduce((sum, item) => sum + item.price * item.quantity, 0),
    });
  },
};
