/**
 * Imported first, it keeps compiled modules between the threads and processes that a test starts: most of what they
 * do is to compile the same files again.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');
