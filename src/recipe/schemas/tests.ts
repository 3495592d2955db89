import * as z from 'zod';
import { leadsInside } from '../../domain/stated-path.ts';
import { NAME, seconds } from './common.ts';

const ANSWERED = ['http', 'tcp', 'args'] as const;

const requestSchema = z
  .strictObject({
    http: z
      .string()
      .regex(/^\/[^\s]*$/, 'a path that begins with `/`')
      .optional()
      .describe('Path that is asked for by HTTP.'),
    method: z
      .string()
      .regex(/^[A-Z]+$/, 'a method such as `POST`')
      .optional()
      .describe('Method of an HTTP request; without it `GET`.'),
    body: z.string().optional().describe('Body of an HTTP request.'),
    tcp: z
      .string()
      .optional()
      .describe(
        'Text that is sent on a TCP connection. The answer is read until as many bytes as are expected have come, or the server closes.',
      ),
    args: z
      .array(z.string())
      .optional()
      .describe('Arguments of the program itself, run once more as a client; `{port}` stands for the port.'),
    status: z
      .number()
      .int()
      .min(0)
      .max(999)
      .optional()
      .describe(
        'Status of the answer: of HTTP (without it any), or the exit status of the client (without it 0).',
      ),
    expect: z
      .string()
      .optional()
      .describe(
        "What must come, byte for byte: the body of the answer, or the client's standard output; without it anything.",
      ),
  })
  .superRefine((request, context) => {
    const issue = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const kinds = ANSWERED.filter((key) => request[key] !== undefined);
    if (kinds.length === 0)
      context.addIssue({ code: 'custom', path: [], message: 'one of `http`, `tcp` and `args`' });
    for (const key of kinds.slice(1)) issue(key, `left out where \`${kinds[0]}\` is given`);
    for (const key of ['method', 'body'] as const)
      if (request[key] !== undefined && request.http === undefined) issue(key, 'only together with `http`');
    if (request.tcp !== undefined && request.status !== undefined) issue('status', 'left out with `tcp`');
  });

const serverSchema = z
  .strictObject({
    port: z
      .number()
      .int()
      .min(1)
      .max(65535)
      .optional()
      .describe('TCP port that it listens on, on any address of the loopback.'),
    ready: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          'Text that it prints when it is ready, on standard output or standard error; `{port}` in it stands for the port that ' +
          'it has chosen.',
        examples: ['listening on 127.0.0.1:{port}'],
      }),
    start: seconds.default(10).describe('Seconds it may take until it listens.'),
    ask: z
      .array(requestSchema)
      .default([])
      .describe('What it is asked, one after the other; without anything it is enough that it listens.'),
  })
  .superRefine((server, context) => {
    const issue = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message });
    const named = server.port !== undefined || server.ready?.includes('{port}') === true;
    if (server.port === undefined && server.ready === undefined)
      context.addIssue({ code: 'custom', path: [], message: 'a `port`, a text `ready`, or both' });
    else if (server.port !== undefined && server.ready?.includes('{port}') === true)
      issue('port', 'left out where `{port}` stands in `ready`');
    const asked = server.ask.some(
      ({ http, tcp, args }) =>
        http !== undefined || tcp !== undefined || args?.some((word) => word.includes('{port}')),
    );
    if (asked && !named) issue('ready', 'with `{port}` in it, or `port` beside it: it is asked there');
  })
  .describe(
    'The program is a server: it is started, asked as soon as it listens, and ended with SIGTERM. It may end by itself with `status`.',
  );

export const testsSchema = z
  .strictObject({
    cargo: z
      .strictObject({
        args: z
          .array(z.string())
          .default([])
          .describe('Arguments of `cargo test` in front of `--`: `--lib`, `--test <name>`.'),
        harness: z.array(z.string()).default([]).describe('Arguments of the test programs, behind `--`.'),
        timeout: seconds.default(600).describe('Seconds all of it may take, compiling included.'),
      })
      .optional()
      .describe("Run `cargo test` for the target, its programs in the target's runtime."),
    commands: z
      .array(
        z
          .strictObject({
            name: z
              .string()
              .regex(NAME, 'a name of letters, digits, `.`, `_`, `-`')
              .describe('Name of the test.'),
            args: z.array(z.string()).default([]).describe('Arguments of the program.'),
            stdin: z.string().default('').describe('Standard input.'),
            files: z
              .array(
                z.string().refine(leadsInside, 'a path relative to this file that does not leave its folder'),
              )
              .default([])
              .meta({
                description:
                  'Files and folders, relative to this file, that its working folder begins with: copies under the same paths, ' +
                  'which it may change. Without them the folder is empty.',
                examples: [['config.toml', 'data/']],
              }),
            status: z.number().int().min(0).max(255).default(0).describe('Exit status it must end with.'),
            stdout: z
              .string()
              .optional()
              .describe('What it must print on standard output, byte for byte; without it anything.'),
            reference: z
              .array(z.string())
              .min(1)
              .optional()
              .meta({
                description:
                  'Arguments of the reference interpreter: standard output, standard error and exit status must be equal to its own.',
                examples: [['-c', 'print("hello")']],
              }),
            timeout: seconds.default(60).describe('Seconds it may take.'),
            server: serverSchema.optional(),
          })
          .superRefine((command, context) => {
            if (command.reference === undefined) return;
            for (const key of ['stdout', 'server'] as const)
              if (command[key] !== undefined)
                context.addIssue({
                  code: 'custom',
                  path: [key],
                  message: 'left out where `reference` is given',
                });
          }),
      )
      .default([])
      .describe('Runs of the program itself, from the bundle.'),
  })
  .describe('What is run beside the samples.');
