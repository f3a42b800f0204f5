/**
 * What the snippets for Asterisk and FreeSWITCH (ops/) ask of trunkd, asked of a trunkd with tokens. Neither PBX has a
 * Debian package: the dialplan is read for its URL, header and JSON paths, which curl and a few lines here follow; the
 * script for FreeSWITCH runs in a plain Lua, with the few functions that it calls played.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/processes.ts';
import { SourceDaemon } from '../support/source-daemon.ts';

const OPS = join(import.meta.dirname, '../../ops');
const TOKEN = 'a-token-of-the-pbx';
const run = promisify(execFile);

let files: SourceDaemon;
let url: string;

beforeAll(async () => {
  files = new SourceDaemon();
  const dead = [await freePort(), await freePort()];
  files.write({
    http: {
      bind: `127.0.0.1:${await freePort()}`,
      token: 'of-the-operator',
      tokens: [{ name: 'pbx', role: 'read', token: TOKEN }],
    },
    peeringContracts: [
      {
        name: 'acme',
        peerServers: ['madrid', 'barcelona'].map((name, index) => ({
          ...{ name, sipProxy: `127.0.0.1:${dead[index]}`, priority: index + 1 },
          ...{ probe: { mode: 'off' }, callOriginHeaders: ['pai', 'rpid'] },
          requestUri: { strip: 2, prefix: '0034', parameters: ';user=phone' },
        })),
      },
    ],
  });
  url = (await files.run()).url;
});

afterAll(() => files.cleanUp());

describe('the dialplan of Asterisk', () => {
  const text = readFileSync(join(OPS, 'asterisk/extensions.conf'), 'utf8');
  const header = /CURLOPT\(httpheader\)=(.*)\)$/m.exec(text)?.[1] ?? '';
  const asked = /\$\{CURL\((\$\{TRUNKD_API\}.*)\)\}\)$/m.exec(text)?.[1] ?? '';

  /** Variables as Asterisk replaces them, for `acme`, a called and a calling number. */
  function replaced(template: string, token: string): string {
    const values: Readonly<Record<string, string>> = {
      TRUNKD_API: url,
      TRUNKD_TOKEN: token,
      ARG1: 'acme',
      called: '+34911234567',
      ARG3: '34600 <1>',
    };
    return template
      .replaceAll(/\$\{URIENCODE\(\$\{(\w+)\}\)\}/g, (_, name) =>
        encodeURIComponent(values[name] ?? ''),
      )
      .replaceAll(/\$\{(\w+)\}/g, (_, name) => values[name] ?? '');
  }

  async function ask(token: string): Promise<unknown> {
    const args = ['-sS', '-m', '5', '-H', replaced(header, token), replaced(asked, token)];
    return JSON.parse((await run('curl', args)).stdout);
  }

  /** JSON_DECODE(doc,a.0.b): empty where there is nothing. */
  function decode(document: unknown, path: string): string {
    let at: unknown = document;
    for (const key of path.split('.')) at = (at as Record<string, unknown> | null)?.[key];
    return at === undefined || at === null ? '' : String(at);
  }

  it('gets its servers in order with its token, and nothing but a problem with another', async () => {
    const paths = [...text.matchAll(/JSON_DECODE\(doc,([^)]+)\)/g)].map(([, path]) =>
      (path ?? '').replace(/\$\{at\}/, '*'),
    );
    expect(paths).toEqual(['routes.*.peerServer', 'reason.code']);
    const [server = '', reason = ''] = paths;
    const document = await ask(TOKEN);
    const servers = [0, 1, 2].map((at) => decode(document, server.replace('*', `${at}`)));
    expect(servers).toEqual(['acme/madrid', 'acme/barcelona', '']);
    expect(decode(document, reason)).toBe('');
    const refused = await ask('another');
    expect(refused).toMatchObject({ status: 401 });
    // So that the dialplan goes by its fallback.
    expect([decode(refused, 'routes.0.peerServer'), decode(refused, reason)]).toEqual(['', '']);
  });
});

describe('the script for FreeSWITCH', () => {
  const script = readFileSync(join(OPS, 'freeswitch/trunkd.lua'), 'utf8');

  /** Runs it with the constants at its head as given; what it did with the call, a line each. */
  async function call(api: string, token: string, called = '34911234567'): Promise<string[]> {
    const source = script
      .replace(/^local API = ".*?"/m, `local API = "${api}"`)
      .replace(/^local TOKEN = ".*?"/m, `local TOKEN = "${token}"`);
    const path = files.writeText('trunkd.lua', `${PLAYED}${source}`);
    const { stdout } = await run('lua5.3', [path, 'acme', called, '34600123456']);
    return stdout.trim().split('\n');
  }

  it('bridges to the routes in order, each leg with its own words', async () => {
    const did = await call(url, TOKEN);
    const bridge = did.find((line) => line.startsWith('bridge ')) ?? '';
    const legs = bridge.slice('bridge '.length).split('|');
    expect(legs).toHaveLength(2);
    expect(legs[0]).toMatch(
      /^\[sip_invite_from_uri=<sip:34600123456@203\.0\.113\.10>,.*sip_route_uri=sip:127\.0\.0\.1:\d+.*\]sofia\/external\/sip:0034911234567@127\.0\.0\.1:\d+;user=phone$/,
    );
    for (const name of ['P-Asserted-Identity', 'Remote-Party-ID']) {
      expect(legs[0]).toContain(`sip_h_${name}=<sip:34600123456@203.0.113.10>`);
    }
    expect(did[0]).toBe('set hangup_after_bridge=true');
  });

  it.each([
    ['its token is another', () => url, 'another'],
    ['it has no token', () => url, ''],
    ['trunkd is not there', () => 'http://127.0.0.1:9', TOKEN],
  ])('goes by its fallback when %s', async (_, api, token) => {
    expect(await call(api(), token)).toContain(
      'bridge sofia/gateway/madrid/34911234567|sofia/gateway/barcelona/34911234567',
    );
  });

  it('lets nobody put words of his own into the dial string', async () => {
    const did = await call(url, TOKEN, '34911,x=1]sofia/gateway/evil/1|');
    const bridge = did.find((line) => line.startsWith('bridge ')) ?? '';
    expect(bridge.split('|')).toHaveLength(2);
    expect(bridge).not.toContain('sofia/gateway/evil');
  });
});

/** FreeSWITCH's part: `curl` with the arguments of mod_curl (quotes keep a word together), and the session. */
const PLAYED = `
argv = arg
local function words(text)
  local all, word, quoted = {}, "", false
  for char in text:gmatch(".") do
    if char == "'" then quoted = not quoted
    elseif char == " " and not quoted then table.insert(all, word); word = ""
    else word = word .. char end
  end
  table.insert(all, word)
  return all
end
freeswitch = { API = function()
  return { execute = function(_, name, text)
    assert(name == "curl")
    local given, command = words(text), "curl -sS 2>/dev/null"
    assert(#given <= 10, "mod_curl takes ten words")
    local at = 2
    while given[at] do
      local option, value = given[at], given[at + 1]
      if option == "append_headers" then command = command .. " -H '" .. value .. "'"
      elseif option == "timeout" then command = command .. " -m " .. tonumber(value)
      elseif option == "connect-timeout" then command = command .. " --connect-timeout " .. tonumber(value)
      else error("unknown option " .. option) end
      at = at + 2
    end
    return io.popen(command .. " '" .. given[1] .. "'"):read("a")
  end }
end }
session = {
  hangup = function(_, cause) print("hangup " .. cause) end,
  setVariable = function(_, name, value) print("set " .. name .. "=" .. value) end,
  execute = function(_, name, data) print(name .. " " .. data) end,
}
`;
