-- The namespaces of Durable Objects in a data folder.

CREATE TABLE namespaces (
  id         TEXT PRIMARY KEY, -- 32 hexadecimal digits
  script     TEXT NOT NULL,    -- the Worker that has the class
  class      TEXT NOT NULL,
  storage    TEXT NOT NULL,    -- 'sqlite' or 'legacy-kv'
  origin     TEXT NOT NULL,    -- 'declared', 'binding' or 'expecting'
  offered_to TEXT,             -- the Worker that it is to belong to
  created    INTEGER NOT NULL, -- Unix ms
  UNIQUE (script, class)
) WITHOUT ROWID;

CREATE TABLE scripts (
  name          TEXT PRIMARY KEY,
  migration_tag TEXT NOT NULL -- the last migration that was applied
) WITHOUT ROWID;

-- Namespaces that are gone, whose files may still be there.
CREATE TABLE removed (
  id TEXT PRIMARY KEY
) WITHOUT ROWID;
