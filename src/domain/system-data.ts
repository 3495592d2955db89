/** What programs read of a system, and a bundle can bring instead; as recipes name it. */
export const SYSTEM_DATA = ['certificates', 'zoneinfo', 'mime-types', 'services'] as const;

export type SystemData = (typeof SYSTEM_DATA)[number];

/** Data of a system in a bundle, and the package that it is from. */
export interface BundledData {
  readonly data: SystemData;
  readonly package: string;
  readonly version: string;
}
