/**
 * What holds for every request of the run, whatever the case: duties that are judged over all that the players
 * and sipp received. A rule names the cases that it leaves out, and why.
 */
import { credentialsOf } from './credentials.ts';
import type { Protocol } from './quirk-case.ts';
import { field, registers, type SeenMessage, transactions } from './seen.ts';
import type { Trial } from './trial.ts';

export interface WireRule {
  readonly id: string;
  readonly title: string;
  /** What is wrong in a trial. */
  check(trial: Trial): readonly string[];
}

/** A rule over each REGISTER for itself: what is wrong with one, or undefined. */
const each =
  (wrong: (message: SeenMessage) => string | undefined) =>
  ({ log }: Trial): readonly string[] =>
    registers(log).flatMap((message) => wrong(message) ?? []);

const cseqOf = (message: SeenMessage): number => Number(field(message, 'cseq').split(' ')[0]);
const tagOf = (message: SeenMessage): string =>
  /;tag=([^;]+)/.exec(field(message, 'from'))?.[1] ?? '';
const uriOf = (name: string, message: SeenMessage): string =>
  /<([^>]*)>/.exec(field(message, name))?.[1] ?? '';

/** Nonces whose count has to be known: the one in use, and three of before. */
const REMEMBERED = 4;

export const WIRE_RULES: readonly WireRule[] = [
  {
    id: 'wire/form',
    title:
      'Each field that a request needs is there once, Max-Forwards is 70, the branch has its cookie',
    check: each((message) => {
      const single = ['to', 'from', 'call-id', 'cseq', 'max-forwards', 'via', 'contact', 'expires'];
      const odd = single.filter((name) => message.fields.get(name)?.length !== 1);
      if (odd.length > 0) return `${odd.join(', ')} not once`;
      if (field(message, 'max-forwards') !== '70') return 'Max-Forwards is not 70';
      return message.branch.startsWith('z9hG4bK') ? undefined : `branch ${message.branch}`;
    }),
  },
  {
    id: 'wire/copies',
    title: 'Copies of a request are the same octet by octet, and there are none on a stream',
    check: ({ log, protocol }) => {
      const first = new Map<string, string>();
      return registers(log).flatMap(({ branch, raw }) => {
        const known = first.get(branch);
        if (known === undefined) first.set(branch, raw);
        if (known !== undefined && known !== raw) return ['a copy differs'];
        return known !== undefined && protocol !== 'udp' ? ['a copy on a stream'] : [];
      });
    },
  },
  {
    id: 'wire/sequence',
    title: 'CSeq counts up by one with each request of a Call-ID; the From tag stays',
    check: ({ log }) => {
      const last = new Map<string, SeenMessage>();
      return transactions(log).flatMap((message) => {
        const callId = field(message, 'call-id');
        const before = last.get(callId);
        last.set(callId, message);
        if (before === undefined) return [];
        if (tagOf(before) !== tagOf(message)) return ['another From tag'];
        const [from, to] = [cseqOf(before), cseqOf(message)];
        return to === from + 1 ? [] : [`CSeq ${to} after ${from}`];
      });
    },
  },
  {
    id: 'wire/call-id',
    title:
      'One Call-ID for all requests of a registration, but where the registrar refuses the CSeq',
    check: ({ log, id }) => {
      const callIds = new Set(registers(log).map((message) => field(message, 'call-id')));
      // rf10 is about that very exception.
      return callIds.size === 1 || id === 'rf10' ? [] : [`${callIds.size} Call-IDs`];
    },
  },
  {
    id: 'wire/addresses',
    title: 'Request-URI is sip: and the domain alone; To and From are the address of record',
    check: ({ log, registration, id }) =>
      registers(log).flatMap((message) => {
        const [, uri = ''] = message.line.split(' ');
        // A strict router gets its own name.
        if (id !== 'rt02' && !/^sips?:[^@;]+$/.test(uri)) return [`Request-URI ${uri}`];
        const aors = ['to', 'from'].map((name) => uriOf(name, message));
        const isOurs = aors.every((aor) => aor === `sip:${registration}@registrar.test`);
        return isOurs ? [] : [`To and From ${aors.join(', ')}`];
      }),
  },
  {
    id: 'wire/rport',
    title:
      'Via asks for rport without a value, and names the address and port that the request came from',
    check: ({ log, protocol }) =>
      registers(log).flatMap((message) => {
        const via = field(message, 'via');
        if (!/;rport(?:;|$)/.test(via)) return [`Via ${via}`];
        const [, sentBy = ''] = /^SIP\/2\.0\/\w+ ([^;]+)/.exec(via) ?? [];
        if (message.source === '' || protocol !== 'udp') return [];
        return sentBy === message.source ? [] : [`sent-by ${sentBy}, source ${message.source}`];
      }),
  },
  {
    id: 'wire/credentials',
    title:
      'One credential each in a header field of its own, never Basic, and no header field is joined by a comma',
    check: each((message) => {
      const all = credentialsOf(message);
      if (all.some(({ scheme }) => scheme !== 'Digest')) return 'another scheme than Digest';
      if (all.some(({ text }) => (text.match(/\bDigest\s/g) ?? []).length !== 1)) return 'joined';
      const realms = all.map(({ header, values }) => `${header} ${values['realm']}`);
      return new Set(realms).size === realms.length ? undefined : 'two for one realm';
    }),
  },
  {
    id: 'wire/nc',
    title: 'nc counts up from 1 with each nonce, also where one comes back after others',
    check: ({ log }) => {
      // By field, realm and nonce; the one that was used last stands last.
      const counts = new Map<string, number>();
      let fresh = false;
      return transactions(log).flatMap((message) => {
        const all = credentialsOf(message).filter(({ values }) => 'nc' in values);
        // Whoever begins without credentials may have forgotten every nonce, or not.
        if (all.length === 0) fresh = true;
        return all.flatMap(({ values, header }) => {
          const key = `${header} ${values['realm']} ${values['nonce']}`;
          const expected = (counts.get(key) ?? 0) + 1;
          const count = Number.parseInt(values['nc'] ?? '', 16);
          const isLongAgo = ![...counts.keys()].slice(-REMEMBERED).includes(key);
          const isRight = count === expected || ((fresh || isLongAgo) && count === 1);
          counts.delete(key);
          counts.set(key, count);
          fresh = false;
          return isRight ? [] : [`nc ${count}, not ${expected}`];
        });
      });
    },
  },
  {
    id: 'wire/not-sent',
    title: 'No push parameters, no star Contact, no Route where one hop is configured',
    check: ({ log, id }) =>
      registers(log).flatMap((message) => {
        if (/;pn-/.test(field(message, 'contact'))) return ['push parameters'];
        if (field(message, 'contact').trim() === '*') return ['Contact: *'];
        // rt01 and rt02 have several hops.
        return message.fields.has('route') && !id.startsWith('rt') ? ['Route'] : [];
      }),
  },
];

interface WireVerdict {
  readonly id: string;
  readonly title: string;
  readonly protocol: Protocol;
  readonly policy: undefined;
  readonly flaws: readonly string[];
}

/** Every rule over every trial, by transport. */
export function wireVerdicts(trials: readonly Trial[]): readonly WireVerdict[] {
  return (['udp', 'tcp', 'tls'] as const).flatMap((protocol) => {
    const some = trials.filter((trial) => trial.protocol === protocol);
    const rules = WIRE_RULES.map(({ id, title, check }) => ({
      ...{ id, title, protocol, policy: undefined },
      flaws: some.flatMap((trial) => check(trial).map((flaw) => `${trial.id}: ${flaw}`)),
    }));
    const identities = {
      ...{ id: 'wire/identities', protocol, policy: undefined },
      title: 'No two registrations share a Call-ID or a branch',
      flaws: sharedIdentities(some),
    };
    return [...rules, identities];
  });
}

/** Things that must differ between registrations: what is the same in two of them. */
function sharedIdentities(trials: readonly Trial[]): readonly string[] {
  const owner = new Map<string, string>();
  return trials.flatMap(({ log, registration }) =>
    transactions(log).flatMap((message) => {
      const identities = [`branch ${message.branch}`, `Call-ID ${field(message, 'call-id')}`];
      return identities.flatMap((identity) => {
        const known = owner.get(identity) ?? registration;
        owner.set(identity, registration);
        return known === registration ? [] : [`${identity}: ${known} and ${registration}`];
      });
    }),
  );
}
