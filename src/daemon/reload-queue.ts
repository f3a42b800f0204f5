/**
 * One reload at a time. What is asked for while one runs is done once more after it, whoever and how
 * many asked: the second reading sees every change that was made before any of them asked.
 *
 *   idle --ask--> running --ask--> running, one waiting --ask--> the same one waits for all
 *     ^              |                    |
 *     +----ended-----+ <------started-----+
 */
export class ReloadQueue<Report> {
  readonly #run: (isForced: boolean) => Promise<Report>;
  #isRunning = false;
  #waiting: Waiting<Report> | undefined;

  constructor(run: (isForced: boolean) => Promise<Report>) {
    this.#run = run;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The report of the first reload that begins from now on. */
  ask(isForced: boolean): Promise<Report> {
    if (!this.#isRunning) return this.#start(isForced);
    if (this.#waiting === undefined) {
      this.#waiting = { isForced, ...Promise.withResolvers<Report>() };
    } else if (isForced) {
      this.#waiting.isForced = true;
    }
    return this.#waiting.promise;
  }

  async #start(isForced: boolean): Promise<Report> {
    this.#isRunning = true;
    try {
      return await this.#run(isForced);
    } finally {
      this.#isRunning = false;
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (waiting !== undefined) {
        this.#start(waiting.isForced).then(waiting.resolve, waiting.reject);
      }
    }
  }
}

interface Waiting<Report> {
  isForced: boolean;
  readonly promise: Promise<Report>;
  readonly resolve: (report: Report) => void;
  readonly reject: (error: unknown) => void;
}
