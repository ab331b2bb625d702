import pg from "pg";
import postgres from "postgres";

async function withPg(env, act) {
  const client = new pg.Client({ connectionString: env.DB.connectionString });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

async function withPostgres(env, act) {
  const sql = postgres(env.DB.connectionString, { max: 2, fetch_types: false });
  try {
    return await act(sql);
  } finally {
    await sql.end();
  }
}

const failure = async (promise) => {
  try {
    await promise;
    return "nothing failed";
  } catch (error) {
    return `${error.code}: ${error.message}`;
  }
};

const ROUTES = {
  "/shape": async (env) => {
    const { connectionString, host, port, user, password, database } = env.DB;
    const same = `postgresql://${user}:${password}@${host}:${port}/${database}?sslmode=disable`;
    return [connectionString === same, host.endsWith(".hyperdrive.local"), port, database, env.DB.constructor.name];
  },
  "/raw": async (env) => {
    const socket = env.DB.connect();
    const writer = socket.writable.getWriter();
    await writer.write(new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]));
    const { value } = await socket.readable.getReader().read();
    await socket.close();
    return String.fromCharCode(...value);
  },
  "/pg": (env) =>
    withPg(env, async (client) => {
      const one = await client.query("SELECT $1::int + 1 AS n, $2::text AS t", [41, "\u00fc"]);
      const named = { name: "twice", text: "SELECT $1::int * 2 AS n" };
      const two = await client.query({ ...named, values: [4] });
      const three = await client.query({ ...named, values: [5] });
      const error = await failure(client.query("SELECT nothing FROM nowhere"));
      const after = await client.query("SELECT 1 AS n; SELECT 2 AS n");
      return [one.rows, two.rows, three.rows, error, after.map((it) => it.rows)];
    }),
  "/postgres": (env) =>
    withPostgres(env, async (sql) => {
      const rows = [];
      for (let i = 0; i < 3; i++) rows.push((await sql`SELECT ${i}::int AS n, ${"x"}::text AS t`)[0]);
      const many = await Promise.all(
        Array.from({ length: 20 }, (_, i) => sql`SELECT ${i}::int AS n`.then((found) => found[0].n)),
      );
      return [rows, many];
    }),
  "/transaction": (env) =>
    withPostgres(env, async (sql) => {
      await sql`CREATE TABLE IF NOT EXISTS kept (x int)`;
      await sql`DELETE FROM kept`;
      await sql.begin(async (inner) => {
        await inner`INSERT INTO kept VALUES (1)`;
        await inner`INSERT INTO kept VALUES (2)`;
      });
      const failed = await failure(
        sql.begin(async (inner) => {
          await inner`INSERT INTO kept VALUES (3)`;
          await inner`SELECT 1 / 0`;
        }),
      );
      return [failed, (await sql`SELECT x FROM kept ORDER BY x`).map((row) => row.x)];
    }),
  "/reset": async (env) => {
    const left = await withPg(env, async (client) => {
      await client.query("BEGIN");
      await client.query("SET search_path TO somewhere");
      await client.query("CREATE TEMPORARY TABLE mine (x int)");
      await client.query("PREPARE p AS SELECT 1");
      await client.query("SELECT pg_advisory_lock(7)");
      await client.query("COMMIT");
      return (await client.query("SHOW search_path")).rows[0].search_path;
    });
    return withPg(env, async (client) => [
      left,
      (await client.query("SHOW search_path")).rows[0].search_path,
      await failure(client.query("SELECT * FROM mine")),
      await failure(client.query("EXECUTE p")),
      (await client.query("SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'")).rows[0].n,
    ]);
  },
  "/connections": async (env) => {
    for (let i = 0; i < 20; i++) await withPg(env, (client) => client.query("SELECT 1"));
    return withPg(env, async (client) => {
      const sql = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database()";
      return (await client.query(sql)).rows[0].n;
    });
  },
  "/name": (env) =>
    withPg({ DB: { connectionString: `${env.DB.connectionString}&application_name=it's` } }, async (client) =>
      (await client.query("SHOW application_name")).rows[0].application_name),
  "/refused": async (env) => {
    const wrong = { DB: { connectionString: env.DB.connectionString.replace(env.DB.password, "no") } };
    return [
      await withPg(env, (client) => failure(client.query("LISTEN news"))),
      await withPg(env, (client) => failure(client.query({ text: "LISTEN news", values: [], name: "l" }))),
      await failure(withPg(wrong, () => {})),
    ];
  },
  "/large": (env) =>
    withPg(env, async (client) => {
      const text = "x".repeat(3_000_000);
      const { rows } = await client.query("SELECT $1::text || 'y' AS t FROM generate_series(1, 3)", [text]);
      return rows.map((row) => row.t.length);
    }),
  "/cancel": (env) =>
    withPostgres(env, async (sql) => {
      const slow = sql`SELECT pg_sleep(120)`;
      const failed = failure(slow);
      for (;;) {
        const [{ n }] = await sql`SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'`;
        if (n > 0) break;
      }
      slow.cancel();
      return failed;
    }),
};

export default {
  async fetch(request, env) {
    const route = ROUTES[new URL(request.url).pathname];
    try {
      return Response.json(await route(env));
    } catch (error) {
      return Response.json(`${error.name} ${error.code}: ${error.message}`, { status: 500 });
    }
  },
};
