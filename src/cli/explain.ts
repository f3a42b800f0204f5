/**
 * What `trunkd explain SERVER` prints: why a peer server is enabled or not, the evidence with its times,
 * what would change it, and what comes next. Made of the rows of the API alone.
 */
import { isMap } from '../config/merge-sources.ts';
import type { Row } from './status-page.ts';

export interface ExplainedRows {
  readonly server: Row;
  readonly contract: Row;
  readonly verdicts: Row;
}

export function printExplanation({ server, contract, verdicts }: ExplainedRows): string {
  return [
    `${text(server['id'])}: ${wordOf(server)}`,
    '',
    'Why:',
    ...numbered(whyLines(server, verdicts)),
    '',
    'Evidence:',
    ...evidenceLines(server),
    '',
    'What would change it:',
    ...bulleted(changeLines(server, contract, verdicts)),
    '',
    'What comes next:',
    ...bulleted(nextLines(server)),
    '',
  ].join('\n');
}

function wordOf(server: Row): string {
  const offered = ['enabled', 'a last resort, after all others', 'not offered to calls'];
  const word = offered[Number(server['rank'])] ?? 'not known';
  const weight = `weight ${text(server['effectiveWeight'])} of ${text(server['weight'])}`;
  const partial = server['partial'] === true ? ', some of its addresses are down' : '';
  return `${word}, state ${text(server['state'])}${partial}, since ${text(server['since'])}; priority ${text(server['priority'])}, ${weight}`;
}

function whyLines(server: Row, verdicts: Row): string[] {
  const lines = rowsOf(server['causes']).map(
    (cause) => `${text(cause['text'])} [${text(cause['code'])}]`,
  );
  if (lines.length === 0) lines.push('Nothing is known of it yet, and that counts in its favour.');
  for (const target of rowsOf(server['targets'])) lines.push(...countingLine(target, server));
  const { frozen } = verdicts;
  if (isMap(frozen)) {
    const until = frozen['until'] === null ? '' : `, until ${text(frozen['until'])} at the latest`;
    lines.push(
      `Verdicts are frozen since ${text(frozen['since'])}${until}: silence disables nobody.`,
    );
  }
  return lines;
}

/** On its way down: its state still says what was before. */
function countingLine({ target, state, failures }: Row, { probe }: Row): string[] {
  const isCounting = (state === 'up' || state === 'impaired') && Number(failures) > 0;
  if (!isCounting || !isMap(probe)) return [];
  return [
    `${text(target)} failed ${text(failures)} times in a row since; ${text(probe['fall'])} make it down.`,
  ];
}

function evidenceLines(server: Row): string[] {
  const targets = rowsOf(server['targets']);
  if (targets.length === 0) return ['  none: no address of it is probed'];
  return targets.flatMap((target) => {
    const { lastResponse, rtt } = target;
    const never = isMap(rtt) ? 'it accepted connections' : 'never answered';
    const answer = isMap(lastResponse)
      ? `last answer ${text(lastResponse['code'])} ${text(lastResponse['reason'])}`.trim()
      : never;
    const times = isMap(rtt)
      ? `, round trip ${text(target['rttMs'])} ms (half within ${text(rtt['p50Ms'])}, 95 % within ${text(rtt['p95Ms'])} of ${text(rtt['samples'])})`
      : '';
    return [
      `  ${text(target['target'])} is ${text(target['state'])} since ${text(target['since'])}: ${answer}${times}, asked last ${text(target['lastProbeAt'])}`,
      ...rowsOf(target['evidence']).map(evidenceLine),
    ];
  });
}

function evidenceLine(one: Row): string {
  const { times } = one;
  const row =
    typeof times === 'number' && times > 1 ? `, ${times} times, last ${text(one['lastAt'])}` : '';
  return `    ${text(one['at'])}  ${text(one['what'])}${row}`;
}

function changeLines(server: Row, contract: Row, { frozen }: Row): string[] {
  const { probe, admin, order, requires } = server;
  const lines: string[] = [];
  if (isMap(frozen)) lines.push(frozenLine(frozen));
  if (admin !== 'up') {
    const until = isMap(order) && order['until'] !== null ? `, or ${text(order['until'])}` : '';
    const how = isMap(order) ? `\`trunkd up\`${until}` : '`admin: up` in the configuration';
    lines.push(`${how} lets it be used again.`);
  }
  if (isMap(probe) && probe['mode'] === 'off')
    lines.push('It is not probed: only people change it.');
  else if (isMap(probe)) {
    for (const target of rowsOf(server['targets'])) lines.push(probeLine(target, probe));
  }
  if (isMap(requires)) {
    const ids = Array.isArray(requires['registrations']) ? requires['registrations'] : [];
    lines.push(`At least ${text(requires['atLeast'])} of ${ids.join(', ')} have to be bound.`);
  }
  lines.push(contractLine(contract));
  return lines;
}

function frozenLine({ ordered }: Row): string {
  const what = ordered === true ? 'nothing makes it down' : 'its silence does not make it down';
  const who = ordered === true ? '' : 'targets that answer again, ';
  return `While verdicts are frozen ${what}; ${who}\`trunkd thaw\` or their time end that.`;
}

function contractLine({ enabled, onAllDown }: Row): string {
  const all = onAllDown === 'tryAll' ? 'all are offered as a last resort' : 'none is offered';
  return enabled === 'none'
    ? `Of its contract no server is enabled; ${all}.`
    : `Of its contract ${text(enabled)} servers are enabled; when none is, ${all}.`;
}

function probeLine(target: Row, probe: Row): string {
  const name = text(target['target']);
  const { fall, rise } = probe;
  if (target['state'] === 'down') {
    const times = rise === 1 ? 'one good answer' : `${text(rise)} good answers in a row`;
    return `${name} is up after ${times} (${text(target['successes'])} so far).`;
  }
  const judged = judgedBy(probe);
  if (target['state'] === 'unknown') {
    return `${name} is up after its first good answer, and down after ${text(fall)} bad ones in a row; silence alone does not make it down; ${judged}.`;
  }
  const failures = text(target['failures']);
  const timeout = `${Number(probe['timeoutMs']) / 1000} s`;
  const up =
    target['state'] === 'impaired' ? `up after ${text(rise)} good answers in a row, and ` : '';
  return `${name} is ${up}down after ${text(fall)} failures in a row (${failures} so far), silent ones over ${timeout}; ${judged}.`;
}

function judgedBy({ mode, answers }: Row): string {
  if (mode === 'connect') return 'a connection that is made and trusted is a good answer';
  const what = mode === 'register' ? 'answers to REGISTERs' : 'answers';
  return `${what} are judged by \`${text(answers)}\``;
}

function nextLines(server: Row): string[] {
  const { probe } = server;
  const isAsked = !isMap(probe) || probe['mode'] !== 'register';
  const lines = rowsOf(server['targets']).map(({ target, nextProbeAt }) =>
    isAsked
      ? `${text(target)} is probed at ${text(nextProbeAt)}.`
      : `How the next REGISTER to ${text(target)} ends counts; nothing else is sent there.`,
  );
  for (const cause of rowsOf(server['causes'])) lines.push(text(cause['next']));
  return lines.filter((line, index) => line !== '' && lines.indexOf(line) === index);
}

function numbered(lines: readonly string[]): string[] {
  return lines.map((line, index) => `  ${index + 1}. ${line}`);
}

function bulleted(lines: readonly string[]): string[] {
  return (lines.length === 0 ? ['nothing'] : lines).map((line) => `  - ${line}`);
}

function rowsOf(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function text(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
