/** What `check` says of consumers that would run, and not do what was meant. */
import { describe, expect, test } from 'vitest';
import { loadText, problemsOf } from '../../support/config/load-text.ts';

function load(consumers: string, contract = 'dispatcherSet: 1, ', probe = '') {
  const servers = ['a', 'b'].map((name) => `{ name: ${name}, sipProxy: ${name}.example${probe} }`);
  return loadText(`peeringContracts:
  - { name: acme, ${contract}peerServers: [${servers.join(', ')}] }
consumers:
${consumers}`);
}

describe('two consumers that write one file', () => {
  const list = '  - { name: one, type: kamailioDispatcher, listFile: out/list }\n';

  test('are a mistake, however the path is written', async () => {
    const result = await load(
      `${list}  - { name: two, type: snapshotFile, path: out/../out/list }\n  - { name: three, type: webhook, url: "http://127.0.0.1/x", deadLetters: ./out/list }`,
    );
    expect(problemsOf(result)).toEqual([
      "trunkd.yaml:5:44: the consumer 'one' writes this file, too",
      "trunkd.yaml:6:75: the consumer 'one' writes this file, too",
    ]);
  });

  test('are none where only one of them writes', async () => {
    const other = '  - { name: two, type: kamailioDispatcher, mode: observe, listFile: out/list }';
    expect(problemsOf(await load(list + other))).toEqual([]);
    const letters = ['one', 'two'].map(
      (name) =>
        `  - { name: ${name}, type: webhook, url: "http://127.0.0.1/${name}", deadLetters: dead }`,
    );
    // Each adds lines of its own.
    expect(problemsOf(await load(letters.join('\n')))).toEqual([]);
  });
});

describe('a dispatcher', () => {
  const text = '  - { name: one, type: kamailioDispatcher, listFile: x }';
  const why =
    "no contract has a 'dispatcherSet', so the consumer is told nothing: an empty list is never written";

  test('of which no contract has a set gets a warning', async () => {
    const result = await load(text, '');
    expect(result.ok).toBe(true);
    expect(result.warnings.map(({ text }) => text)).toEqual([why]);
    expect((await load(text)).warnings).toEqual([]);
  });

  test('that cannot keep backups in reserve and share by weight gets a warning', async () => {
    const result = await loadText(`peeringContracts:
  - name: acme
    dispatcherSet: 1
    peerServers:
      - { name: a, sipProxy: a.example }
      - { name: backup, sipProxy: b.example, priority: 2 }
consumers:
${text}`);
    expect(result.ok).toBe(true);
    expect(result.warnings.map((warning) => warning.text)).toEqual([
      "the contract 'acme' has peer servers of several priorities: the dispatcher's algorithms 9 and 11 share calls over all of them, 8 goes by priority without weights, and only GET /v1/route does both",
    ]);
  });
});

describe('gateways of OpenSIPS', () => {
  const of = (id: string) =>
    `  - { name: one, type: opensipsMi, url: "http://127.0.0.1/mi", gateways: { ${id}: gw1 } }`;

  test('are of peer servers that there are', async () => {
    expect(problemsOf(await load(of('acme/a')))).toEqual([]);
    expect(problemsOf(await load(of('acne/a')))).toEqual([
      "trunkd.yaml:4:76: there is no peer server 'acne/a' (did you mean 'acme/a'?)",
    ]);
    expect(problemsOf(await load(of('acme/zzz')))[0]).toContain(
      "there is no peer server 'acme/zzz' (there is acme/a, acme/b)",
    );
  });
});

describe('probes that are off', () => {
  test('have no way: a warning', async () => {
    const registration =
      'registrations: [{ id: main, username: u, domain: a.example, contact: self, auth: { password: long-enough-secret } }], ';
    const warningsWith = async (keys: string) =>
      (await load('', registration, `, probe: { ${keys} }`)).warnings.map(({ text }) => text);
    expect(await warningsWith('mode: off, through: main')).toEqual([
      "'through' is not used: with 'mode: off' nothing is probed",
      "'through' is not used: with 'mode: off' nothing is probed",
    ]);
    expect(await warningsWith('through: main')).toEqual([]);
    const [, idle] = await warningsWith('mode: connect, through: main');
    expect(idle).toContain("'through' is not used: with 'mode: connect'");
  });
});
