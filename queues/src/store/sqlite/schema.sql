-- One queue.

CREATE TABLE messages (
  number   INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of sending
  id       TEXT NOT NULL,
  body     BLOB NOT NULL,
  type     INTEGER NOT NULL,
  sent     INTEGER NOT NULL, -- Unix ms
  added    INTEGER NOT NULL, -- Unix ms: when it came into this queue
  visible  INTEGER NOT NULL, -- Unix ms: from when on it can be taken
  attempts INTEGER NOT NULL, -- how often it was taken
  pushed   INTEGER NOT NULL  -- whether a Worker of this process has it
);

CREATE INDEX due ON messages (visible, number);
