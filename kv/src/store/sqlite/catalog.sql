-- The namespaces of a data folder.

CREATE TABLE namespaces (
  id      TEXT PRIMARY KEY,
  title   TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL -- Unix seconds
) WITHOUT ROWID;
