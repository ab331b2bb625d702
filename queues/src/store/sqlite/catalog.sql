-- The queues of a data folder.

CREATE TABLE queues (
  id      TEXT PRIMARY KEY,
  title   TEXT NOT NULL UNIQUE, -- what people call it
  created INTEGER NOT NULL -- Unix seconds
) WITHOUT ROWID;
