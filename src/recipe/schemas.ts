export { NAME, SCHEMA_VERSION, type TreeFile } from './schemas/common.ts';
export * from './schemas/image.ts';
export * from './schemas/python.ts';
export * from './schemas/recipe.ts';
export * from './schemas/runtime.ts';
export * from './schemas/sysroot.ts';
export * from './schemas/system.ts';
export * from './schemas/target.ts';
export * from './schemas/tiers.ts';
