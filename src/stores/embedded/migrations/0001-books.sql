-- The books. Times are epoch milliseconds, quantities units of stock, ids UUID text in lower case.

-- The figures of a row are the sums of its SKU's ledger entries up to `seq`; they are written now and then, and when
-- the books close: entries after meta.levels_seq may still have to be added (see the view readable_level).
CREATE TABLE sku (
  id               INTEGER PRIMARY KEY,
  sku              TEXT    NOT NULL UNIQUE,
  on_hand          INTEGER NOT NULL,
  reserved         INTEGER NOT NULL,
  allocated        INTEGER NOT NULL,
  safety_stock     INTEGER NOT NULL,
  max_per_order    INTEGER,
  max_per_customer INTEGER,
  ttl_seconds      INTEGER,
  opens_at         INTEGER,
  closes_at        INTEGER,
  seq              INTEGER NOT NULL, -- its newest ledger entry when the row was written
  entries          INTEGER NOT NULL, -- how many it had then
  checksum         INTEGER NOT NULL
) STRICT;

-- lines: [[sku, quantity, confirmed, cancelled], ...]; cancellations: [id, ...], null when there is none.
CREATE TABLE reservation (
  id              TEXT    NOT NULL PRIMARY KEY,
  status          TEXT    NOT NULL,
  customer_id     TEXT,
  order_id        TEXT,
  created_at      INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL,
  ended_at        INTEGER,
  reacquired      INTEGER NOT NULL,
  refund_required INTEGER NOT NULL,
  lines           TEXT    NOT NULL,
  cancellations   TEXT,
  checksum        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a customer has or bought.
CREATE INDEX reservation_customer ON reservation (customer_id)
  WHERE customer_id IS NOT NULL AND status IN ('active', 'confirmed', 'acknowledged');
-- What a purge may forget.
CREATE INDEX reservation_ended ON reservation (ended_at)
  WHERE ended_at IS NOT NULL AND status <> 'confirmed';

-- The lines of active reservations in the order in which they lapse.
CREATE TABLE active_line (
  expires_at     INTEGER NOT NULL,
  reservation_id TEXT    NOT NULL,
  sku_id         INTEGER NOT NULL,
  quantity       INTEGER NOT NULL,
  PRIMARY KEY (expires_at, reservation_id, sku_id)
) STRICT, WITHOUT ROWID;

-- Append-only. on_hand, reserved, allocated, safety_stock are changes; detail is a JSON object; prev is the `seq` of
-- the SKU's entry before this one, 0 if it is the first. After a crash, levels are made from entries: hence checksum.
CREATE TABLE ledger (
  seq            INTEGER PRIMARY KEY,
  at             INTEGER NOT NULL,
  kind           TEXT    NOT NULL,
  sku_id         INTEGER NOT NULL,
  reservation_id TEXT,
  on_hand        INTEGER NOT NULL,
  reserved       INTEGER NOT NULL,
  allocated      INTEGER NOT NULL,
  safety_stock   INTEGER NOT NULL,
  detail         TEXT,
  prev           INTEGER NOT NULL,
  checksum       INTEGER NOT NULL
) STRICT;

-- Every 64th entry of a SKU: where to step into its chain of `prev`. (An index of all entries by SKU would cost each
-- reserve a page that nothing else touches.)
CREATE TABLE ledger_mark (
  sku_id INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  PRIMARY KEY (sku_id, seq)
) STRICT, WITHOUT ROWID;

-- Answers to requests that carried an Idempotency-Key, in order of age.
CREATE TABLE idempotency (
  n           INTEGER PRIMARY KEY,
  key         TEXT    NOT NULL UNIQUE,
  fingerprint TEXT    NOT NULL,
  answer      TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  checksum    INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
  row           INTEGER PRIMARY KEY CHECK (row = 1),
  clock         INTEGER NOT NULL, -- the latest time that a recorded decision used; the store's clock never reads less
  levels_seq    INTEGER NOT NULL, -- the rows of `sku` lack no entry up to this one
  active        INTEGER NOT NULL, -- active reservations
  active_sum    INTEGER NOT NULL, -- over all rows of active_line, in no order: tells whether they are as written
  purged_before INTEGER NOT NULL, -- reservations that ended before this may have been forgotten
  checksum      INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0, 0, 0, 1107202572);

-- For people with sqlite3 in hand.
CREATE VIEW readable_level AS
  SELECT sku.sku, sku.on_hand + total(ledger.on_hand) AS on_hand, sku.reserved + total(ledger.reserved) AS reserved,
         sku.allocated + total(ledger.allocated) AS allocated,
         sku.safety_stock + total(ledger.safety_stock) AS safety_stock
  FROM sku LEFT JOIN ledger ON ledger.sku_id = sku.id AND ledger.seq > sku.seq
    AND ledger.seq > (SELECT levels_seq FROM meta)
  GROUP BY sku.id;
CREATE VIEW readable_ledger AS
  SELECT ledger.seq, strftime('%Y-%m-%dT%H:%M:%fZ', ledger.at / 1000.0, 'unixepoch') AS at, ledger.kind, sku.sku,
         ledger.reservation_id, ledger.on_hand, ledger.reserved, ledger.allocated, ledger.safety_stock, ledger.detail
  FROM ledger LEFT JOIN sku ON sku.id = ledger.sku_id;
CREATE VIEW readable_line AS
  SELECT reservation.id, reservation.status, line.value ->> 0 AS sku, line.value ->> 1 AS quantity,
         line.value ->> 2 AS confirmed, line.value ->> 3 AS cancelled,
         strftime('%Y-%m-%dT%H:%M:%fZ', reservation.expires_at / 1000.0, 'unixepoch') AS expires_at
  FROM reservation, json_each(reservation.lines) AS line;
