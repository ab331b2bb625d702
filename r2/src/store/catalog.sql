-- The buckets of a data folder.
CREATE TABLE buckets (
  -- The name of its folder.
  id TEXT PRIMARY KEY,
  -- Empty for Workers that no account has.
  account TEXT NOT NULL,
  name TEXT NOT NULL,
  -- Unix ms.
  created INTEGER NOT NULL,
  storage_class TEXT NOT NULL,
  location TEXT,
  UNIQUE (account, name)
) WITHOUT ROWID;
