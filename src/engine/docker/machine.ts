import type { Context } from '../../domain/context.ts';
import type { Store } from '../../store/store.ts';
import type { Address } from './address.ts';
import type { Api } from './api.ts';
import type { Server } from './server.ts';

/** What everything that works with one engine shares. */
export interface Machine {
  readonly context: Context;
  readonly address: Address;
  readonly api: Api;
  readonly server: Server;
  readonly store: EngineStore;
  /** `storeId` of the store's folder. */
  readonly storeId: string;
  /** Who runs us, and whom files of the sandbox belong to. */
  readonly uid: number;
  readonly gid: number;
}

/** What is kept of an engine between runs, and what keeps runs apart. */
export type EngineStore = Pick<Store, 'folder' | 'volume' | 'readResult' | 'writeResult' | 'lock'>;
