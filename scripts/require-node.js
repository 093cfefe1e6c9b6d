// First step of the npm scripts: without it an older Node fails on the first `.ts` file with a
// stack trace that names neither the cause nor the cure.
import { isNewEnough, tooOldMessage } from '../bin/required-node.js';

if (!isNewEnough(process.versions.node)) {
  console.error(tooOldMessage());
  process.exit(1);
}
