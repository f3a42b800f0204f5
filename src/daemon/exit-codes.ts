/** How the process ends; after sysexits.h where that has a word. docs/errors.md lists them. */
export const EXIT = {
  ok: { code: 0, meaning: 'Done; for `run`: stopped by SIGTERM or SIGINT.' },
  failure: {
    code: 1,
    meaning:
      'A bug (the log has a `bug.caught` line), a `try` that did not succeed, or a registrar that did not tell its bindings (`fetch-bindings`).',
  },
  usage: { code: 64, meaning: 'The command line was not understood (EX_USAGE).' },
  unavailable: {
    code: 69,
    meaning: 'The running daemon could not be asked, or refused the command (EX_UNAVAILABLE).',
  },
  osError: {
    code: 71,
    meaning:
      'A socket could not be bound: the port is in use or not permitted, or its certificate cannot be used (EX_OSERR).',
  },
  ioError: {
    code: 74,
    meaning: 'The answer could not be written to standard output (EX_IOERR).',
  },
  config: { code: 78, meaning: 'The configuration has errors (EX_CONFIG).' },
} as const;
