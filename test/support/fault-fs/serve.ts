// A file system that passes everything on to a folder and fails as it is told: `serve.ts <folder> <fault as JSON> <log>`, with
// /dev/fuse, mounted, as descriptor 3. When it is unmounted it writes to the log how often each operation was asked for.
import { readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Fault, FaultLog } from './fault.ts';
import { PassedFiles } from './files.ts';
import { HEADER_BYTES, MAX_WRITE, OP, type OpName, parseRequest, type Request, reply } from './wire.ts';

const DEVICE = 3;
const [folder = '', faultText = '{}', log = ''] = process.argv.slice(2);
const fault = JSON.parse(faultText) as Partial<Fault>;
const files = new PassedFiles(folder, fault.caseless === true);
const names = new Map(Object.entries(OP).map(([name, code]) => [code as number, name as OpName]));
const counts: Record<string, number> = {};
let asked = 0;
let failed = 0;

const WITHOUT_REPLY: readonly number[] = [OP.forget, OP.batchForget, OP.interrupt];
const { ENOSYS, EIO } = constants.errno;

function answer(request: Request): Buffer {
  const name = names.get(request.opcode);
  const operation = name === undefined ? undefined : files.operations[name];
  if (name === undefined || operation === undefined) return reply(request.unique, -ENOSYS);
  counts[name] = (counts[name] ?? 0) + 1;
  if (isDue(name)) {
    failed += 1;
    return reply(request.unique, -constants.errno[fault.error as keyof typeof constants.errno]);
  }
  try {
    return reply(request.unique, 0, operation(request));
  } catch (error) {
    return reply(request.unique, (error as NodeJS.ErrnoException).errno ?? -EIO);
  }
}

/** Whether this operation is one that is to fail. */
function isDue(name: OpName): boolean {
  if (fault.operations?.includes(name) !== true) return false;
  asked += 1;
  const at = fault.at ?? 0;
  return fault.lasting === true ? asked >= at : asked === at;
}

/** Until it is unmounted (ENODEV). */
function serve(): void {
  const message = Buffer.alloc(MAX_WRITE + HEADER_BYTES + 4096);
  for (;;) {
    let length: number;
    try {
      length = readSync(DEVICE, message);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENODEV') return;
      if (['EINTR', 'EAGAIN', 'ENOENT'].includes(code ?? '')) continue;
      throw error;
    }
    const request = parseRequest(message.subarray(0, length));
    if (WITHOUT_REPLY.includes(request.opcode)) continue;
    try {
      writeSync(DEVICE, answer(request));
    } catch (error) {
      // ENOENT: who asked was killed meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

serve();
writeFileSync(log, JSON.stringify({ counts, asked, failed } satisfies FaultLog));
