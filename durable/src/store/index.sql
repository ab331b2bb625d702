CREATE TABLE objects (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT,
    -- Unix ms
    created INTEGER NOT NULL,
    -- Unix ms; never later than what the object's own file says
    alarm INTEGER
) WITHOUT ROWID;

CREATE INDEX objects_by_alarm ON objects (alarm) WHERE alarm IS NOT NULL;
