-- A bucket: what is known of its objects. Their bodies are files beside it.

-- Whose file it is.
CREATE TABLE bucket (id TEXT NOT NULL);

CREATE TABLE objects (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- UTF-8: compared byte by byte.
  key BLOB NOT NULL UNIQUE,
  version TEXT NOT NULL,
  size INTEGER NOT NULL,
  etag TEXT NOT NULL,
  -- Unix ms.
  uploaded INTEGER NOT NULL,
  storage_class TEXT NOT NULL,
  -- JSON.
  http TEXT NOT NULL,
  custom TEXT NOT NULL,
  checksums TEXT NOT NULL,
  -- The file of the body; NULL: it is in segments.
  blob INTEGER
);

-- Bodies that were uploaded in parts.
CREATE TABLE segments (
  object INTEGER NOT NULL REFERENCES objects (id),
  number INTEGER NOT NULL,
  blob INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (object, number)
) WITHOUT ROWID;

CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  key BLOB NOT NULL,
  created INTEGER NOT NULL,
  storage_class TEXT,
  http TEXT NOT NULL,
  custom TEXT NOT NULL,
  -- Completed or aborted: it has no parts any more.
  finished INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX uploads_by_key ON uploads (key, id);

CREATE TABLE parts (
  upload TEXT NOT NULL REFERENCES uploads (id),
  number INTEGER NOT NULL,
  blob INTEGER NOT NULL,
  size INTEGER NOT NULL,
  -- The MD5 in hexadecimal digits.
  etag TEXT NOT NULL,
  uploaded INTEGER NOT NULL,
  PRIMARY KEY (upload, number)
) WITHOUT ROWID;

-- Files that nothing leads to any more and that are yet to be deleted.
CREATE TABLE orphans (blob INTEGER PRIMARY KEY);

-- Each process that writes has a folder of its own for new files. After a crash
-- there may be files in it that nothing ever led to: they are looked for once.
CREATE TABLE epochs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  swept INTEGER NOT NULL DEFAULT 0
);
