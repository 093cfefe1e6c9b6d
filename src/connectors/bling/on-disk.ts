/** Work on the data folder. A full disk, or one that is read-only, keeps Bling away and must not stop the sale. */
import { ErpFault } from '../../engine/erp-port.ts';

/** Throws `ErpFault` where the operating system says no; what else goes wrong passes as it is. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ErpFault || !(error instanceof Error && 'code' in error)) throw error;
    throw new ErpFault(
      'ERP_UNAVAILABLE',
      `${path} cannot be read or written (${error.message}): see to the disk and to whose the file is; calls to Bling wait for it`,
      { cause: error },
    );
  }
}
