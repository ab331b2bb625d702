-- One namespace. Text that people read is TEXT; keys are the bytes of their
-- UTF-8, so that their order is Cloudflare's.

CREATE TABLE namespace (
  id TEXT NOT NULL
);

-- `value` comes last: a list does not read it.
CREATE TABLE entries (
  key        BLOB PRIMARY KEY,
  expiration INTEGER,          -- Unix seconds
  metadata   TEXT,             -- JSON
  length     INTEGER NOT NULL, -- of the value, in bytes
  value_id   INTEGER,          -- of a value that lies in `pieces`
  value      BLOB              -- a short value itself
) WITHOUT ROWID;

CREATE INDEX expirations ON entries (expiration) WHERE expiration IS NOT NULL;

-- id = value_id * 65536 + the number of the piece, from 0.
CREATE TABLE pieces (
  id   INTEGER PRIMARY KEY,
  data BLOB NOT NULL
);

-- Values in `pieces` that no entry has: not yet, or no longer.
CREATE TABLE orphans (
  value_id INTEGER PRIMARY KEY
);
