-- What is deployed on a server.

CREATE TABLE accounts (
  id         TEXT PRIMARY KEY,  -- 32 hexadecimal digits
  name       TEXT NOT NULL,
  subdomain  TEXT,              -- the label before the domain; one account has none
  created_on INTEGER NOT NULL,  -- Unix ms, as all times here
  limits     TEXT               -- JSON
) WITHOUT ROWID;
CREATE UNIQUE INDEX account_subdomains ON accounts (ifnull(subdomain, ''));

CREATE TABLE tokens (
  id           TEXT PRIMARY KEY,
  account      TEXT REFERENCES accounts ON DELETE CASCADE, -- NULL: all accounts
  name         TEXT NOT NULL,
  scopes       TEXT NOT NULL,         -- JSON
  hash         BLOB NOT NULL UNIQUE,  -- SHA-256 of the secret
  created_on   INTEGER NOT NULL,
  expires_on   INTEGER,
  last_used_on INTEGER
) WITHOUT ROWID;
CREATE INDEX tokens_of_account ON tokens (account);

CREATE TABLE workers (
  id                 INTEGER PRIMARY KEY,
  account            TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name               TEXT NOT NULL,
  tag                TEXT NOT NULL,     -- 32 hexadecimal digits
  created_on         INTEGER NOT NULL,
  modified_on        INTEGER NOT NULL,
  last_deployed_from TEXT NOT NULL,
  workers_dev        INTEGER NOT NULL,
  previews           INTEGER NOT NULL,
  settings           TEXT NOT NULL,     -- JSON
  crons              TEXT NOT NULL,     -- JSON
  last_number        INTEGER NOT NULL,  -- of its newest version
  UNIQUE (account, name)
);

CREATE TABLE versions (
  id             TEXT PRIMARY KEY,  -- a UUID
  worker         INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
  number         INTEGER NOT NULL,
  created_on     INTEGER NOT NULL,
  source         TEXT NOT NULL,
  author         TEXT NOT NULL,
  annotations    TEXT NOT NULL,     -- JSON, as all that follows
  content        TEXT NOT NULL,
  assets         TEXT,
  handlers       TEXT NOT NULL,
  named_handlers TEXT NOT NULL,
  startup_ms     INTEGER,
  etag           TEXT NOT NULL,
  size           INTEGER NOT NULL,  -- of all modules, in bytes
  UNIQUE (worker, number)
);

-- What a version needs: blobs of modules and assets, namespaces of KV.
CREATE TABLE version_blobs (
  version TEXT NOT NULL REFERENCES versions ON DELETE CASCADE,
  blob    TEXT NOT NULL,
  size    INTEGER NOT NULL,
  PRIMARY KEY (version, blob)
) WITHOUT ROWID;
CREATE INDEX versions_of_blob ON version_blobs (blob);
CREATE TABLE version_namespaces (
  version   TEXT NOT NULL REFERENCES versions ON DELETE CASCADE,
  namespace TEXT NOT NULL,
  PRIMARY KEY (version, namespace)
) WITHOUT ROWID;
CREATE INDEX versions_of_namespace ON version_namespaces (namespace);

CREATE TABLE secrets (
  version    TEXT NOT NULL REFERENCES versions ON DELETE CASCADE,
  name       TEXT NOT NULL,
  key_id     TEXT NOT NULL,
  nonce      BLOB NOT NULL,
  ciphertext BLOB NOT NULL,
  PRIMARY KEY (version, name)
) WITHOUT ROWID;
CREATE INDEX secrets_of_key ON secrets (key_id);

CREATE TABLE deployments (
  number      INTEGER PRIMARY KEY,  -- the newest one of a Worker serves
  id          TEXT NOT NULL UNIQUE, -- a UUID
  worker      INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
  created_on  INTEGER NOT NULL,
  source      TEXT NOT NULL,
  author      TEXT NOT NULL,
  annotations TEXT NOT NULL,        -- JSON
  shares      TEXT NOT NULL         -- JSON
);
CREATE INDEX deployments_of_worker ON deployments (worker, number);

-- Zones of different accounts never lie within each other.
CREATE TABLE zones (
  id         TEXT PRIMARY KEY,  -- 32 hexadecimal digits
  account    TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name       TEXT NOT NULL UNIQUE,
  created_on INTEGER NOT NULL,
  given      INTEGER NOT NULL  -- by the operator; others go with their last route
) WITHOUT ROWID;
CREATE INDEX zones_of_account ON zones (account);

CREATE TABLE routes (
  id      TEXT PRIMARY KEY,
  worker  INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
  zone    TEXT NOT NULL REFERENCES zones ON DELETE CASCADE,
  pattern TEXT NOT NULL UNIQUE,
  place   INTEGER NOT NULL  -- in the order of the upload
) WITHOUT ROWID;
CREATE INDEX routes_of_worker ON routes (worker);
CREATE INDEX routes_of_zone ON routes (zone);

CREATE TABLE domains (
  id       TEXT PRIMARY KEY,
  worker   INTEGER NOT NULL REFERENCES workers ON DELETE CASCADE,
  zone     TEXT NOT NULL REFERENCES zones ON DELETE CASCADE,
  hostname TEXT NOT NULL UNIQUE,
  enabled  INTEGER NOT NULL,
  previews INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX domains_of_worker ON domains (worker);
CREATE INDEX domains_of_zone ON domains (zone);

CREATE TABLE kv_namespaces (
  id      TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  title   TEXT NOT NULL,
  UNIQUE (account, title)
) WITHOUT ROWID;

-- What an account has uploaded, by the names that its clients give.
CREATE TABLE assets (
  account      TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  hash         TEXT NOT NULL,
  blob         TEXT NOT NULL,
  size         INTEGER NOT NULL,
  content_type TEXT,
  used_on      INTEGER NOT NULL,
  PRIMARY KEY (account, hash)
) WITHOUT ROWID;
CREATE INDEX assets_of_blob ON assets (blob);
CREATE TABLE asset_sessions (
  id         TEXT PRIMARY KEY,
  account    TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  worker     TEXT NOT NULL,
  manifest   TEXT NOT NULL,  -- JSON
  expires_on INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL,
  account TEXT,  -- it may be gone
  token   TEXT,
  actor   TEXT NOT NULL,
  action  TEXT NOT NULL,
  subject TEXT NOT NULL
);
CREATE INDEX audit_of_account ON audit (account, id);
