import { readFileSync, readlinkSync } from 'node:fs';

/**
 * Names one running process in file names: process id, start time (so that a reused id is not mistaken), pid
 * namespace and boot. Source: `/proc/<pid>/stat` field 22 and `/proc/sys/kernel/random/boot_id`, proc(5).
 */
export function ownTag(): string {
  own ??= `${process.pid}-${startTime(process.pid)}-${pidNamespace()}-${bootId().slice(0, 8)}`;
  return own;
}

let own: string | undefined;

/**
 * Whether the process of a tag may still live. `unknown`: it belongs to another boot, machine or pid namespace (a
 * container that shares the store), where its id means nothing.
 */
export function livenessOf(tag: string): 'alive' | 'dead' | 'unknown' {
  const match = TAG.exec(tag);
  if (!match) return 'unknown';
  const [, pid, start, namespace, boot] = match;
  if (namespace !== pidNamespace() || boot !== bootId().slice(0, 8)) return 'unknown';
  const seen = startTime(Number(pid));
  if (seen !== undefined) return seen === start ? 'alive' : 'dead';
  return exists(Number(pid)) ? 'alive' : 'dead';
}

const TAG = /^(\d+)-(\d+)-(\w+)-([0-9a-f]{8})$/;

/** Identity of the kernel's current run: changes with every boot. Eight hexadecimal digits come first. */
export function bootId(): string {
  boot ??= readProc('/proc/sys/kernel/random/boot_id') ?? bootTime();
  return boot;
}

let boot: string | undefined;

/** Where the identity is masked, as in some containers, the time of the boot in seconds since the epoch: proc(5). */
function bootTime(): string {
  const seconds = /^btime (\d+)$/m.exec(readProc('/proc/stat') ?? '')?.[1] ?? '0';
  return Number(seconds).toString(16).padStart(8, '0');
}

function pidNamespace(): string {
  namespace ??= readNamespace();
  return namespace;
}

function readNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return '0';
  }
}

/** Without white space around it; undefined where it is empty, hidden or not there. */
function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

let namespace: string | undefined;

/** Clock ticks after boot; undefined when there is no such process or it is hidden from us (`hidepid`). */
function startTime(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The program's name (field 2) may hold spaces and parentheses: count from the last one.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
