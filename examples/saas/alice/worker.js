// A customer's site that asks the world for something.
export default {
  async fetch() {
    const weather = await fetch("https://weather.example/today");
    return new Response(`Alice's shop. ${await weather.text()}\n`);
  },
};
