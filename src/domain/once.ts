/** Answers to questions that several askers have at the same time: each is looked for once. */
export class Once {
  readonly #answers = new Map<string, Promise<unknown>>();

  /** `find` is called for the first who asks by this name; all get what comes of it, a rejection too. */
  get<T>(name: string, find: () => Promise<T>): Promise<T> {
    const known = this.#answers.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const answer = find();
    this.#answers.set(name, answer);
    return answer;
  }
}
