-- Webhooks of the ERP that were accepted: those not acted on yet, and, for some days, the others, so that an event
-- that is delivered again is known. hints: a JSON list of texts.
CREATE TABLE webhook (
  number      INTEGER PRIMARY KEY,
  event_id    TEXT    NOT NULL UNIQUE,
  topic       TEXT    NOT NULL,
  hints       TEXT    NOT NULL,
  received_at INTEGER NOT NULL,
  settled     INTEGER NOT NULL,
  checksum    INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_pending ON webhook (number) WHERE settled = 0;
CREATE INDEX webhook_settled ON webhook (received_at) WHERE settled = 1;

-- last_received_at: of all there ever were; null: there was none.
CREATE TABLE webhook_head (
  row              INTEGER PRIMARY KEY CHECK (row = 1),
  number           INTEGER NOT NULL,
  last_received_at INTEGER,
  checksum         INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_head VALUES (1, 0, NULL, 2867576095);
