// Takes the requests of the world and asks the other Worker who sends them.
export default {
  async fetch(request, { AUTH, AUDIT }) {
    // The whole request goes on: method, headers and body. No network is between.
    const answer = await AUTH.fetch(request);
    if (!answer.ok) return answer;
    const { user } = await answer.json();
    await AUDIT.fetch("https://audit/", { method: "POST", body: user });
    const count = await (await AUDIT.fetch("https://audit/")).text();
    return new Response(`Hello ${user}, visit ${count}\n`);
  },
};
