"""The tables of queue.sqlite, and how older ones become them: a script for each version, run in order.

One row in `message` for each message, one in `recipient` for each recipient. Times named `due` and `since`
are queue time (`storage.queue.time`), `added` and `last_attempt` the time of day.

`lane` has a row for each destination with somebody waiting: when it is to be looked at next. Triggers keep it at
or before the first due time of its recipients, whoever changes them; a claim, or a runner that leaves a dead
destination alone, moves it on. So finding work costs as much as there is work, however long the queue is. A new
recipient has the lane '' until a runner, who knows the routes, has looked at it.

Views give rows in the order of the fields of `storage.queue.queued`: `envelope` as Envelope, `queued` as Queued
behind the queue id. `open` are the recipients that wait or are held, `untold` those of whom the sender is to be
told: failed, delivered where that was asked for, delayed. A message without either is done.

`young` has the octets of messages that came a moment ago (`storage.queue.young`), and when that was, in queue time.
"""

FIRST = (
    """CREATE TABLE message (
    id            TEXT PRIMARY KEY,
    reverse_path  TEXT NOT NULL,
    trace         TEXT NOT NULL,
    added         INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    envid         TEXT NOT NULL,
    ret           TEXT NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE recipient (
    message       TEXT NOT NULL,
    number        INTEGER NOT NULL,
    address       TEXT NOT NULL,
    domain        TEXT NOT NULL,
    original      TEXT NOT NULL,
    mailbox       TEXT NOT NULL,
    notify        TEXT NOT NULL,
    orcpt         TEXT NOT NULL,
    state         TEXT NOT NULL,
    reported      INTEGER NOT NULL DEFAULT 0,
    due           INTEGER NOT NULL,
    holder        TEXT NOT NULL DEFAULT '',
    attempts      INTEGER NOT NULL DEFAULT 0,
    last_attempt  INTEGER,
    code          TEXT,
    text          TEXT,
    PRIMARY KEY (message, number)
) WITHOUT ROWID""",
    "CREATE VIEW envelope AS SELECT id FROM message",
    "CREATE VIEW queued AS SELECT message FROM recipient",
    "CREATE VIEW open AS SELECT * FROM recipient WHERE state IN ('waiting', 'held')",
    "CREATE VIEW untold AS SELECT * FROM recipient WHERE state = 'failed' AND reported = 0",
    "CREATE INDEX message_added ON message (added)",
    "CREATE INDEX recipient_due ON recipient (due, message, number) WHERE state = 'waiting'",
    "CREATE INDEX recipient_failed ON recipient (message) WHERE state = 'failed' AND reported = 0",
)

# `reported` 0: nothing has to be told, or it has been; 1: to be told; 2: told, of a delay. Before: 0 not yet told.
SECOND = (
    "DROP VIEW envelope",
    "DROP VIEW queued",
    "DROP VIEW open",
    "DROP VIEW untold",
    "DROP INDEX recipient_due",
    "DROP INDEX recipient_failed",
    "ALTER TABLE message ADD COLUMN since INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE message ADD COLUMN smtputf8 INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE message ADD COLUMN require_tls INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE message ADD COLUMN eightbit INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE recipient ADD COLUMN lane TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE recipient ADD COLUMN remote TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE recipient ADD COLUMN reply TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE recipient ADD COLUMN action TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE recipient ADD COLUMN reverse_path TEXT NOT NULL DEFAULT ''",
    "UPDATE message SET since = added",
    "UPDATE recipient SET reported = (state = 'failed' AND reported = 0)",
    "CREATE TABLE clock (boot TEXT NOT NULL, base REAL NOT NULL, reached REAL NOT NULL, wall REAL NOT NULL)",
    "CREATE TABLE lane (name TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO lane SELECT lane, min(due) FROM recipient WHERE state = 'waiting' GROUP BY lane",
    "CREATE INDEX lane_next ON lane (next)",
    "CREATE INDEX recipient_lane ON recipient (lane, due) WHERE state = 'waiting'",
    "CREATE INDEX recipient_holder ON recipient (holder) WHERE holder != ''",
    "CREATE INDEX recipient_untold ON recipient (due) WHERE reported = 1",
    """CREATE TRIGGER recipient_added AFTER INSERT ON recipient WHEN new.state = 'waiting' BEGIN
    INSERT INTO lane VALUES (new.lane, new.due)
    ON CONFLICT (name) DO UPDATE SET next = excluded.next WHERE excluded.next < next;
END""",
    """CREATE TRIGGER recipient_changed AFTER UPDATE OF due, state, lane ON recipient
WHEN new.state = 'waiting' BEGIN
    INSERT INTO lane VALUES (new.lane, new.due)
    ON CONFLICT (name) DO UPDATE SET next = excluded.next WHERE excluded.next < next;
END""",
    """CREATE VIEW envelope AS SELECT id, reverse_path, trace, added, size, envid, ret, smtputf8, require_tls,
    eightbit, since FROM message""",
    """CREATE VIEW queued AS SELECT message, number, address, original, mailbox, notify, orcpt, state, due, holder,
    attempts, last_attempt, code, text, lane, remote, reply, action, reported, reverse_path FROM recipient""",
    "CREATE VIEW open AS SELECT * FROM recipient WHERE state IN ('waiting', 'held')",
    "CREATE VIEW untold AS SELECT * FROM recipient INDEXED BY recipient_untold WHERE reported = 1",
)

THIRD = (
    "CREATE TABLE young (id TEXT PRIMARY KEY, came INTEGER NOT NULL, octets BLOB NOT NULL) WITHOUT ROWID",
)

VERSIONS = (FIRST, SECOND, THIRD)
