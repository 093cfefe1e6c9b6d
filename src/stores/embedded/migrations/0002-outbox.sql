-- What the ERP is still to be told, and, until its reservation is forgotten, what it has been told.
-- lines: [[sku, quantity, restock], ...]. States and fields as in src/core/outbox/message.ts.
CREATE TABLE outbox (
  id              INTEGER PRIMARY KEY,
  key             TEXT    NOT NULL,
  kind            TEXT    NOT NULL,
  reservation_id  TEXT    NOT NULL,
  order_id        TEXT,
  lines           TEXT    NOT NULL,
  created_at      INTEGER NOT NULL,
  state           TEXT    NOT NULL,
  parcel_id       INTEGER,
  attempts        INTEGER NOT NULL,
  next_attempt_at INTEGER NOT NULL,
  unknown_at      INTEGER,
  looks           INTEGER NOT NULL,
  memo            TEXT,
  reference       TEXT,
  last_error      TEXT,
  checksum        INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_reservation ON outbox (reservation_id);
CREATE INDEX outbox_live ON outbox (id) WHERE state <> 'delivered';

-- What the outbox means for the books of a SKU: see OutboxLevel there.
CREATE TABLE outbox_level (
  sku       TEXT    NOT NULL PRIMARY KEY,
  owed      INTEGER NOT NULL,
  unsettled INTEGER NOT NULL,
  touched   INTEGER NOT NULL,
  checksum  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The latest of the numbers that messages, claims and settlements share.
CREATE TABLE outbox_head (
  row      INTEGER PRIMARY KEY CHECK (row = 1),
  number   INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_head VALUES (1, 0, 4003147828);
