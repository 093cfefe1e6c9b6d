-- Where the ledger begins: entries up to `seq`, which was written at `at`, have been cut off. Entries up to
-- `exported_through` stand in an export that somebody keeps; only these are ever cut off.
CREATE TABLE ledger_cut (
  row              INTEGER PRIMARY KEY CHECK (row = 1),
  seq              INTEGER NOT NULL,
  at               INTEGER NOT NULL,
  exported_through INTEGER NOT NULL,
  checksum         INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_cut VALUES (1, 0, 0, 0, 2190829467);

-- What a SKU's entries up to the cut sum to, how many they were, and the newest of them. policy: a JSON object.
CREATE TABLE ledger_opening (
  sku            TEXT    NOT NULL PRIMARY KEY,
  on_hand        INTEGER NOT NULL,
  reserved       INTEGER NOT NULL,
  allocated      INTEGER NOT NULL,
  safety_stock   INTEGER NOT NULL,
  policy         TEXT    NOT NULL,
  shortfall_seen INTEGER NOT NULL,
  entries        INTEGER NOT NULL,
  last_seq       INTEGER NOT NULL,
  checksum       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What entries up to the cut told of a reservation that is still there, or that had units then.
-- lines: [[sku, quantity, reserved, allocated, confirmed, cancelled, kinds, last_at, order_id], ...], as StoryLine in
-- src/core/audit-story.ts.
CREATE TABLE ledger_story (
  reservation_id TEXT    NOT NULL PRIMARY KEY,
  lines          TEXT    NOT NULL,
  checksum       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
