/** AES-256-GCM under a key from the settings: what lies on disk is of no use to whoever copies the disk. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;

/** Sealed text cannot be opened: another key, another purpose, or a damaged file. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

export interface Sealed {
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** `secretKey`: 32 bytes in hexadecimal or base64, checked with the settings. */
export function keyOf(secretKey: string): Buffer {
  const hex = /^[\da-f]{64}$/i.test(secretKey);
  const key = Buffer.from(secretKey, hex ? 'hex' : 'base64');
  if (key.length !== 32) throw new SealError('the key is not 32 bytes long');
  return key;
}

/** `purpose` binds the text to its use: sealed for one, it does not open for another. */
export function seal(text: string, key: Buffer, purpose: string): Sealed {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv).setAAD(Buffer.from(purpose));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return {
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    data: data.toString('base64'),
  };
}

export function unseal({ iv, tag, data }: Sealed, key: Buffer, purpose: string): string {
  try {
    const decipher = createDecipheriv(CIPHER, key, Buffer.from(iv, 'base64'), { authTagLength: 16 })
      .setAAD(Buffer.from(purpose))
      .setAuthTag(Buffer.from(tag, 'base64'));
    const text = Buffer.concat([decipher.update(Buffer.from(data, 'base64')), decipher.final()]);
    return text.toString('utf8');
  } catch (error) {
    throw new SealError('it was sealed with another key, or is damaged', { cause: error });
  }
}
