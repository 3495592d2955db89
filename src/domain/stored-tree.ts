/** A tree of files in the store, as its users see it. */
export interface StoredTree {
  /** Absolute. */
  readonly folder: string;
  /** Of everything that it was made from. */
  readonly fingerprint: string;
}
