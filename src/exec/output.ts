/** Standard output and error of this process, which may be closed, full or a pipe that nobody reads any more. */
export class Output {
  readonly #streams: Readonly<Record<'stdout' | 'stderr', NodeJS.WriteStream>>;
  #lost: NodeJS.ErrnoException | undefined;

  constructor(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream) {
    this.#streams = { stdout, stderr };
    // A reader that went away (`| head`) does not end the work, and of a full standard error nobody could be told.
    stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') this.#lost ??= error;
    });
    stderr.on('error', () => {});
  }

  /** Why a part of standard output is lost; undefined where all of it was written, or nobody wanted it any more. */
  get lost(): NodeJS.ErrnoException | undefined {
    return this.#lost;
  }

  /** Resolves when the text is written, or cannot be. */
  write(stream: 'stdout' | 'stderr', text: string): Promise<void> {
    return new Promise((resolve) => {
      // The stream calls back before it emits its error.
      this.#streams[stream].write(text, () => setImmediate(resolve));
    });
  }
}
