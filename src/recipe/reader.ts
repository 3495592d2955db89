import type { Result } from '../domain/result.ts';
import { readYaml, type YamlDocument } from './document.ts';

/** Reads YAML files, each once: a point of the catalogue is joined from files that others share. */
export type Reader = (file: string) => Promise<Result<YamlDocument>>;

export function openReader(): Reader {
  const read = new Map<string, Promise<Result<YamlDocument>>>();
  return (file) => {
    const document = read.get(file) ?? readYaml(file);
    read.set(file, document);
    return document;
  };
}
