#!lua
-- import-books: whole books from another store, a chunk at a time, into a shard without any. Until the last step nobody
-- decides anything on them; each step can be repeated after an interruption, from `begin`.
-- Keys: those of a shard, in the order of lib/book.lua, lib/messages.lua and lib/trimming.lua.
-- Argument: JSON, one of these; each with `now` (see book.open)
--   { step: 'begin', token, outboxHead }: refuses where there are books; empties what another import has left, a part at a time.
--   { step: 'load', token, openings, stories: [[id, lines]], parts: [[seq, at, n, entries]],
--     seqs: [[sku, [seq of each of its parts]]], messages, outboxLevels, reservations, levels,
--     answers: [{ key, fingerprint, answer, at }] }: parts and entries as lib/book-writes.lua has them; answer: a text;
--     openings and stories: as lib/trimming.lua has them.
--   { step: 'seal', token, headSeq, clock, purgedBefore, cut: { seq, at, exportedThrough } }: all is there, and can be audited.
--   { step: 'finish', token }: from now on they are the books.
--   { step: 'empty', token }: as it was before, a part at a time.
-- Result: 'ready', 'occupied', 'again' (begin, empty: not empty yet), or 'lost' (another import has begun since).
-- Needs: importing

return importing.run()
