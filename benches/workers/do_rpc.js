// A method of an object, called by the Worker.
import { DurableObject } from "cloudflare:workers";

export class Bench extends DurableObject {
  greet(name) {
    return `Hello, ${name}!`;
  }
}

export default {
  async fetch(request, { OBJECTS }) {
    return new Response(await OBJECTS.getByName("one").greet("Ada"));
  },
};
