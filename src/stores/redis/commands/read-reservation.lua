#!lua flags=no-writes
-- One reservation as recorded, and the moment of reading it.
-- Keys: a shard's (lib/book.lua). Arguments: now (see book.open), id.
-- Result: [epoch ms, the reservation (see book.told) or false].
-- Needs: book-reads
book.open(ARGV[1])
return { book.now, book.recordOf(ARGV[2]) and book.told(ARGV[2]) }
