CREATE TABLE pictures (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  width INTEGER,
  height INTEGER,
  thumbnail INTEGER NOT NULL DEFAULT 0,
  added INTEGER NOT NULL
);
CREATE INDEX pictures_by_time ON pictures (added);
