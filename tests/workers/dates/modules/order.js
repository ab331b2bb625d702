globalThis.order.push("evaluated");
