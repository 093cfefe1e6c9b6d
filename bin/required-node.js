// Plain JavaScript that Node 12 can run: it must be able to say that the Node at hand is too old.

/** The oldest major version of Node that runs Holdfast; `engines` in package.json says the same. */
export const REQUIRED_MAJOR = 24;

/** @param {string} version as in `process.versions.node` or as `node --version` prints it */
export function isNewEnough(version) {
  return Number.parseInt(version.replace(/^v/, ''), 10) >= REQUIRED_MAJOR;
}

/** The one line for a person who started us on an older Node. */
export function tooOldMessage() {
  return (
    `holdfast needs Node ${REQUIRED_MAJOR} or newer; this is Node ${process.versions.node} ` +
    `(${process.execPath}). Install Node ${REQUIRED_MAJOR}, or run "npm ci" here, which brings it.`
  );
}
