import type { ServerRequest } from '../../domain/definitions.ts';
import { type Difference, describeExit } from '../compare.ts';
import { firstDifferentLine, unifiedDiff } from '../diff.ts';
import { compareExpected, stderrOf } from '../expected.ts';
import type { Run } from '../observe.ts';
import { type Answer, bytes, requestName, type ServerCommand, type ServerRun } from './observe.ts';

/** How a server differs from what the recipe says of it: that it listens, its answers, its end, what it printed. */
export function compareServer(
  command: ServerCommand,
  expected: Run,
  { run, outcome, answers, terminated }: ServerRun,
): Difference | undefined {
  const { server } = command;
  const said = stderrOf(run);
  const shown = said === '' ? {} : { diff: said };
  const where =
    server.port === undefined ? `printed ${JSON.stringify(server.ready)}` : `listened on port ${server.port}`;
  if (outcome === 'taken')
    return {
      kind: 'test-failed',
      reason: `something listens on port ${server.port} already: the server was not started`,
    };
  if (outcome === 'ended')
    return {
      kind: 'exit-differs',
      reason: `the server ended before it ${where}: ${describeExit(run.exit)}`,
      ...shown,
    };
  if (outcome === 'silent')
    return {
      kind: 'time-limit',
      reason: `the server runs, and has not ${where} within ${server.start} s (\`start\`)`,
      diff: `${said}${unstated(run)}`,
    };
  const wrong = server.ask.flatMap((request, i) => compareAnswer(request, answers[i]) ?? []);
  const [first] = wrong;
  if (first !== undefined) return { ...first, diff: [said, ...wrong.map(({ diff = '' }) => diff)].join('') };
  // It was ended after its last answer, unless it had ended by itself as it should.
  const ended = terminated && 'signal' in run.exit && ENDED_BY.includes(run.exit.signal);
  return compareExpected(command, ended ? { ...expected, exit: run.exit } : expected, run);
}

/** SIGTERM, and SIGKILL where that was not enough. */
const ENDED_BY = ['SIGTERM', 'SIGKILL'];

/** What it did print, where that is not what was waited for. */
function unstated({ stdout }: Run): string {
  const text = Buffer.from(stdout).toString('utf8').trimEnd();
  return text === '' ? '' : `stdout of the program:\n${text}\n`;
}

function compareAnswer(request: ServerRequest, answer: Answer | undefined): Difference | undefined {
  const name = requestName(request);
  // After one without an answer no more was asked.
  if (answer === undefined) return undefined;
  if (answer.error !== undefined) return { kind: 'output-differs', reason: `${name}: ${answer.error}` };
  const { status, expect } = request;
  const body = bytes(answer.body ?? '');
  const wanted = expect === undefined ? body : Buffer.from(expect);
  const equal = Buffer.compare(wanted, body) === 0;
  const other = status !== undefined && answer.status !== status;
  if (equal && !other) return undefined;
  const reasons = [
    ...(other ? [`status ${answer.status}, expected was ${status}`] : []),
    ...(equal ? [] : [`the answer differs from line ${firstDifferentLine(wanted, body)} on`]),
  ];
  const client = Buffer.from(bytes(answer.stderr ?? ''))
    .toString('utf8')
    .trimEnd();
  return {
    kind: 'output-differs',
    reason: `${name}: ${reasons.join('; ')}`,
    diff: [
      ...(client === '' ? [] : [`stderr of ${name}:\n${client}\n`]),
      ...(equal ? [] : [unifiedDiff(`answer to ${name}`, wanted, body, 'expected')]),
    ].join(''),
  };
}

/** Where what asks servers did not come to its end: killed for its memory, or stopped. */
export function unasked(run: Run): Difference {
  const end = run.end === 'itself' ? describeExit(run.exit) : `it took too long (${run.end})`;
  const said = stderrOf(run);
  return {
    kind: run.end === 'itself' ? 'test-failed' : 'time-limit',
    reason: `what asks the server did not come to its end: ${end}`,
    ...(said === '' ? {} : { diff: said }),
  };
}
