CREATE TABLE workflows (
    id TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    script TEXT NOT NULL,
    class TEXT NOT NULL,
    steps INTEGER NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    UNIQUE (account, name)
) WITHOUT ROWID;
CREATE TABLE versions (
    workflow TEXT NOT NULL,
    number INTEGER NOT NULL,
    id TEXT NOT NULL,
    class TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (workflow, number)
) WITHOUT ROWID;
CREATE TABLE instances (
    workflow TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    created INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    version TEXT NOT NULL,
    PRIMARY KEY (workflow, id)
) WITHOUT ROWID;
CREATE INDEX instances_by_time ON instances (workflow, created, id);
CREATE TABLE removed (id TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
