import { toLmError } from '../../contract';
import { defaultDoorPort } from './addresses';
import { openBrowserDoor, type BrowserDoor, type BrowserDoorOptions } from './browser-door';

/** A door at the usual port of loopback, or at any other where that one is in use; then `onOtherPort` is told. */
export async function openUsualDoor(
  options: Omit<BrowserDoorOptions, 'port'>,
  onOtherPort: (usualPort: number) => void,
): Promise<BrowserDoor> {
  try {
    return await openBrowserDoor({ ...options, port: defaultDoorPort });
  } catch (error) {
    if (toLmError(error).code !== 'port_in_use') throw error;
    onOtherPort(defaultDoorPort);
    return openBrowserDoor({ ...options, port: 0 });
  }
}
