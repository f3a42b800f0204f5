/** What commands call things: a registration by its id, a peer server as CONTRACT/NAME. Told here, before anybody is asked. */
import { EXIT } from '../daemon/exit-codes.ts';
import { ApiError } from './api-client.ts';

/** Path of the API; throws an ApiError where `id` cannot be that of a peer server. */
export function peerServerPath(id: string): string {
  const words = id.split('/');
  if (words.length !== 2 || words.includes('')) {
    const text = `${JSON.stringify(id)} names no peer server: they are named CONTRACT/NAME. How a registration is, tells: trunkd status`;
    throw new ApiError(text, { status: EXIT.usage.code });
  }
  return `/v1/peer-servers/${words.map(encodeURIComponent).join('/')}`;
}

/** The same of a registration. No registration has a slash in its id, every peer server has one. */
export function registrationPath(id: string): string {
  if (id === '' || id.includes('/')) {
    const text = `${JSON.stringify(id)} is no id of a registration (with a slash it names a peer server). The ids are in: trunkd status`;
    throw new ApiError(text, { status: EXIT.usage.code });
  }
  return `/v1/registrations/${encodeURIComponent(id)}`;
}

export function contractPath(name: string): string {
  return `/v1/peering-contracts/${encodeURIComponent(name)}`;
}
