-- The books. Times are epoch milliseconds, quantities units of stock, ids UUID text in lower case.
-- Figures in `sku` are sums over `ledger`; `active_line`, `ledger_block` and the indexes can be derived from the rest.

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

-- What lapses next. (An index of a table WITHOUT ROWID ends with its primary key: expires_at, then id.)
CREATE INDEX reservation_due ON reservation (expires_at) WHERE status = 'active';
-- What a customer has or bought.
CREATE INDEX reservation_customer ON reservation (customer_id)
  WHERE customer_id IS NOT NULL AND status IN ('active', 'confirmed', 'acknowledged');
-- What a purge may forget.
CREATE INDEX reservation_ended ON reservation (ended_at)
  WHERE ended_at IS NOT NULL AND status <> 'confirmed';

-- One row per line of an active reservation: the deadlines of one SKU in order.
CREATE TABLE active_line (
  sku_id         INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,
  reservation_id TEXT    NOT NULL,
  quantity       INTEGER NOT NULL,
  PRIMARY KEY (sku_id, expires_at, reservation_id)
) STRICT, WITHOUT ROWID;

-- Append-only. on_hand, reserved, allocated, safety_stock are changes; detail is a JSON object.
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
  detail         TEXT
) STRICT;

-- Which blocks of 128 ledger entries (block = seq / 128) tell of a SKU. A row per entry would cost each reserve
-- an index insertion; a SKU under load shares one row among its entries of a block.
CREATE TABLE ledger_block (
  sku_id INTEGER NOT NULL,
  block  INTEGER NOT NULL,
  PRIMARY KEY (sku_id, block)
) STRICT, WITHOUT ROWID;

-- Answers to requests that carried an Idempotency-Key, in order of age.
CREATE TABLE idempotency (
  n           INTEGER PRIMARY KEY,
  key         TEXT    NOT NULL UNIQUE,
  fingerprint TEXT    NOT NULL,
  answer      TEXT    NOT NULL,
  at          INTEGER NOT NULL
) STRICT;

-- clock: the latest time that a decision has used; the store's clock never starts before it.
-- purged_before: reservations that ended before it may have been forgotten.
CREATE TABLE meta (
  name  TEXT    NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('clock', 0), ('purged_before', 0);

-- For people with sqlite3 in hand.
CREATE VIEW readable_ledger AS
  SELECT ledger.seq, strftime('%Y-%m-%dT%H:%M:%fZ', ledger.at / 1000.0, 'unixepoch') AS at, ledger.kind, sku.sku,
         ledger.reservation_id, ledger.on_hand, ledger.reserved, ledger.allocated, ledger.safety_stock, ledger.detail
  FROM ledger LEFT JOIN sku ON sku.id = ledger.sku_id;
CREATE VIEW readable_line AS
  SELECT reservation.id, reservation.status, line.value ->> 0 AS sku, line.value ->> 1 AS quantity,
         line.value ->> 2 AS confirmed, line.value ->> 3 AS cancelled,
         strftime('%Y-%m-%dT%H:%M:%fZ', reservation.expires_at / 1000.0, 'unixepoch') AS expires_at
  FROM reservation, json_each(reservation.lines) AS line;
