/** docs/conformance.md, from what the run gave. */

import { table } from '../docs/pages.ts';

import { DUTIES, verdictOn } from './duty.ts';
import type { Verdict } from './run.ts';

const HEAD = `<!-- Made by the conformance run: npm run conformance -->
# Conformance

Every case below was played to the running daemon by another party: a player of odd registrars, sipp, Kamailio, or a
peer that sends requests. The verdict is the other side's: what it received, and when; our own word counts only where
the case is about our state. \`test/interop/conformance.test.ts\` fails when a verdict differs from this page.
`;

const GROUPS: readonly (readonly [heading: string, belongs: (id: string) => boolean])[] = [
  ['Odd registrars', (id) => !id.includes('/')],
  ['sipp as registrar', (id) => id.startsWith('sipp/')],
  ['Kamailio as registrar', (id) => id.startsWith('kamailio/')],
  ['Other ways', (id) => id.startsWith('via/') || id.startsWith('relay/')],
  ['Requests that reach us', (id) => id.startsWith('uas/')],
  ['Everything that was sent', (id) => id.startsWith('wire/')],
];

export function conformancePage(verdicts: readonly Verdict[]): string {
  const byId = Map.groupBy(verdicts, ({ id }) => id);
  const passes = new Map(
    [...byId].map(([id, all]) => [id, all.every(({ flaws }) => flaws.length === 0)] as const),
  );
  const duties = DUTIES.map((duty) => [
    duty.id,
    `${duty.text} (${duty.source})`,
    verdictOn(duty, passes),
    [`${duty.how}.`, duty.cases.join(', '), duty.tests.map((file) => `\`test/${file}\``).join(', ')]
      .filter((part) => part !== '')
      .join(' '),
  ]);
  const parts = GROUPS.map(([heading, belongs]) => {
    const ids = [...byId.keys()].filter(belongs).sort();
    const rows = ids.map((id) => caseRow(byId.get(id) ?? []));
    return `\n## ${heading}\n\n${table(['case', 'what it does', 'UDP', 'TCP', 'TLS', 'what trunkd does where it has the choice'], rows)}`;
  });
  return `${HEAD}
## Duties

${table(['id', 'duty', 'verdict', 'shown by'], duties)}${parts.join('')}`;
}

function caseRow(verdicts: readonly Verdict[]): readonly string[] {
  const [first] = verdicts;
  const cell = (protocol: Verdict['protocol']): string => {
    const one = verdicts.find((verdict) => verdict.protocol === protocol);
    if (one === undefined) return '-';
    return one.flaws.length === 0 ? 'pass' : 'FAIL';
  };
  return [
    first?.id ?? '',
    first?.title ?? '',
    cell('udp'),
    cell('tcp'),
    cell('tls'),
    first?.policy ?? '',
  ];
}
