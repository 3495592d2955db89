/** A tree of files in the store, as far as whoever uses one has to know it. */
export interface StoredTree {
  /** Absolute. */
  readonly folder: string;
  /** Of everything that it was made from. */
  readonly fingerprint: string;
}
