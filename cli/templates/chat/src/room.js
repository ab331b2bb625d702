/** Longer messages are cut. */
const MAX_CHARACTERS = 1000;

/** Those who hear each other. */
export class Room {
  #members = new Map();
  #next = 1;

  /** Lets somebody in; `send` is called with each text for them. */
  join(send) {
    const id = this.#next++;
    this.#members.set(id, send);
    this.#tell({ type: "joined", id, members: this.#members.size });
    return {
      say: (text) => {
        if (typeof text !== "string") return;
        this.#tell({ type: "said", id, text: text.slice(0, MAX_CHARACTERS) });
      },
      leave: () => {
        if (!this.#members.delete(id)) return;
        this.#tell({ type: "left", id, members: this.#members.size });
      },
    };
  }

  #tell(message) {
    const text = JSON.stringify(message);
    for (const [id, send] of this.#members) {
      try {
        send(text);
      } catch {
        // The socket is gone; its close event may be late.
        this.#members.delete(id);
      }
    }
  }
}
