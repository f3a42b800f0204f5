/** `npm run check`: format, lint, types, dead code, unit and property tests (the import fence among them). */
import { GATES } from './gates.ts';
import { close, runParts } from './parts.ts';

close(await runParts(GATES));
