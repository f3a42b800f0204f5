/**
 * Every event that the log can hold: the one table that the logger's types, docs/events.md and its
 * test come from. Levels: `error` = a human must act, `warn` = degraded and healing by itself,
 * `info` = a change of state, `debug` = each transaction.
 */
export type LineLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEvent {
  /** The level, or the levels with the rule that chooses between them. */
  readonly level: LineLevel | string;
  readonly fields: string;
  readonly meaning: string;
}

const CHANGE = '`cause` {`code`, `text`, `next`} or null';

export const LOG_EVENTS = {
  ready: {
    level: 'info',
    fields: '`version`, `pid`, `registrations`, `peerServers`, `http`, `localSockets`',
    meaning:
      'The configuration is loaded, sockets and HTTP are bound. Waits for no registration or probe.',
  },
  'registrations.forecast': {
    level: 'info',
    fields:
      '`bindings`, `registrar`, `bindingsThere`, `perTarget`, `durationSec`, `expectedAt`, `text`',
    meaning:
      'After a start or a reload: how many bindings are made, and when all are there by the pace alone. `registrar` is the one that takes longest, with its `bindingsThere`.',
  },
  'registrations.paused': {
    level: 'warn when they rest; info when they go on',
    fields: '`isPaused`, `reason`, `until` or null, `text`',
    meaning:
      'An operator paused all registrations (`trunkd pause`), or they go on: resumed, or the time of the pause is over.',
  },
  'registration.changed': {
    level:
      'error when rejected; warn when waiting or refreshFailing; debug when registering; else info',
    fields: `\`registration\`, \`contract\`, \`labels\`, \`from\`, \`state\`, \`bound\`, ${CHANGE}, \`repeats\``,
    meaning:
      'A registration changed its state. The same bad state for the same cause, come back after a retry, is a debug line; `repeats` counts those in the next line.',
  },
  'registration.legChanged': {
    level: 'debug when registering; warn when waiting, rejected or refreshFailing; else info',
    fields: `\`registration\`, \`leg\`, \`state\`, \`bound\`, \`target\` or null, ${CHANGE}, \`from\`, \`contract\``,
    meaning:
      'One of several bindings of a registration changed (`registrars`, `flows`); `registration.changed` tells of them together.',
  },
  'registration.removed': {
    level: 'info',
    fields: `\`registration\`, \`contract\`, \`labels\`, ${CHANGE}`,
    meaning:
      'A registration that was taken out of the configuration is gone, its binding dealt with.',
  },
  'registration.answered': {
    level: 'debug',
    fields: '`contract`, `code`, `requests`, `target`, `fault`',
    meaning: 'A REGISTER got its final answer, or none.',
  },
  'registration.noticed': {
    level: 'error when the configuration is at fault, else warn',
    fields: `\`registration\` or null, \`contract\`, ${CHANGE}`,
    meaning: 'Something worth knowing that changes no state.',
  },
  'peerServer.changed': {
    level: 'warn when down, impaired, or ranked last after it answered once; else info',
    fields: `\`peerServer\`, \`contract\`, \`labels\`, \`from\`, \`state\`, \`enabled\`, \`lastResort\`, ${CHANGE}`,
    meaning: 'State, enabled or last resort of a peer server changed.',
  },
  'peeringContract.changed': {
    level: 'error when none is left; warn when some; else info',
    fields: '`contract`, `was`, `enabled`, `offers`',
    meaning:
      'How many peer servers of a contract are enabled changed: all, some or none; `offers` tells what consumers get.',
  },
  'verdicts.frozen': {
    level: 'error when our own side is at fault; else warn',
    fields: '`frozen`, `networkSuspect`, `cause` {`code`, `text`}, `until` or null',
    meaning:
      'Verdicts are frozen, since our own side is at fault (`ownFault`) or an operator wants it, or no longer: nothing is disabled for its silence meanwhile.',
  },
  'probe.finished': {
    level: 'debug',
    fields: '`contract`, `peerServer`, `target`, `verdict`, `code`, `rttMs`',
    meaning: 'A probe ended.',
  },
  'peerServer.noticed': {
    level: 'error when the configuration is at fault, else warn',
    fields: `\`peerServer\`, \`contract\`, ${CHANGE}`,
    meaning: 'Something worth knowing that changes no state: never answered, name not resolved ...',
  },
  'proxy.changed': {
    level: 'warn when silent or restarted; else info',
    fields: `\`proxy\`, \`from\`, \`state\`, \`isRestarted\`, ${CHANGE}`,
    meaning:
      'A SIP proxy of ours (`proxies`) answers, fell silent, or was restarted: what lies behind it waits while it is silent.',
  },
  'consumer.changed': {
    level: 'warn when drifting or failing; else info',
    fields: `\`consumer\`, \`from\`, \`state\` (starting, inSync, drifting, failing), ${CHANGE}`,
    meaning:
      'Whether a consumer holds what it is told: drifting, it does not and is mended; failing, it cannot be reached or written, or answers nonsense. Told again when another cause keeps it in its state, twice a minute at most. Probing never waits for it.',
  },
  'consumer.observed': {
    level: 'warn',
    fields: '`consumer`, `peerServer`, `destination`, `state`',
    meaning:
      'A proxy took a target out of its dispatcher, or in, by itself: that is left for 30 s, and is an observation as those of the API: it stands in the evidence, and the server is probed at once unless it is just being asked.',
  },
  'consumer.deadLetter': {
    level: 'error',
    fields: '`consumer`, `id`, `why`, `body`',
    meaning:
      'A message to a webhook was never taken, and is not tried again; `body` is the message (`deadLetters` has it, too).',
  },
  'inbound.callRefused': {
    level: 'warn',
    fields: '`from`, `localSocket`, `next`',
    meaning:
      'A call came to trunkd itself, and `inbound.forwardTo` is not set, or the sender is no target of a registration: it got 480. Told once in ten minutes for each sender.',
  },
  'inbound.limited': {
    level: 'warn',
    fields: '`from`, `localSocket`, `next`',
    meaning:
      'More calls come in than `inbound.maxRate` lets through to the proxy: those above it got 503. Told once in ten minutes for each sender.',
  },
  'inbound.proxyUnreachable': {
    level: 'error',
    fields: '`target`, `cause` {`code`, `text`}, `next`',
    meaning:
      'A call could not be relayed: the proxy of `inbound.forwardTo` has no address, or no connection to it can be made. The call got 503. Told once in ten minutes for each target.',
  },
  'response.strayed': {
    level: 'warn',
    fields: '`from`, `localSocket`, `next`',
    meaning:
      'The right answer to a request of ours came from another address than the one asked, and was dropped (`sourceCheck`). Told once in ten minutes for each sender.',
  },
  'request.large': {
    level: 'warn',
    fields: '`target`, `octets`',
    meaning: 'A request over UDP is so large that it may be lost on its way (RFC 3261 18.1.1).',
  },
  'net.noticed': {
    level: 'warn; info for `socket.opened`',
    fields: '`kind`, `localSocket`, `text`',
    meaning:
      'Something that the sockets want said: an address that is waited for, other addresses of this machine, a small receive buffer, an unverified certificate ...',
  },
  'certificates.renewed': {
    level: 'info',
    fields: '`localSockets`',
    meaning:
      'Files of certificates, keys or authorities changed: new connections use what they hold now.',
  },
  'certificates.refused': {
    level: 'error',
    fields: '`localSockets`, `text`',
    meaning:
      'Files of certificates changed, and cannot be used: certificate and key do not fit together ... The old ones stay.',
  },
  'config.problem': {
    level: 'error or warn, as the problem',
    fields: '`problem` (`file:line:column: text`)',
    meaning: 'One problem of the configuration; errors keep it from being used.',
  },
  'config.reloaded': {
    level: 'info',
    fields:
      '`added`, `changed`, `removed`, `unchanged`, `peerServers` {`added`, `changed`, `removed`}, `durationMs`',
    meaning: 'A reload was applied: what it did to registrations, and to peer servers.',
  },
  'config.reloadRefused': {
    level: 'error',
    fields: '`reason`, `text`',
    meaning: 'A reload was refused; everything goes on with the configuration that it had.',
  },
  'config.restartNeeded': {
    level: 'warn',
    fields: '`keys`',
    meaning: 'A reload changed keys that only a restart applies.',
  },
  'state.notYet': {
    level: 'info',
    fields: '`directory`',
    meaning: 'A state directory is given; this version does not keep state in it yet.',
  },
  'command.received': {
    level: 'info',
    fields: '`command`, `subject`, `origin`',
    meaning: 'The audit line of a command: what was asked for, by HTTP or by signal.',
  },
  'signal.received': {
    level: 'info',
    fields: '`signal`',
    meaning: 'A signal that starts a reload or the stop.',
  },
  stopping: {
    level: 'info',
    fields: '`unregister`',
    meaning: 'The stop has begun; bindings stay unless `unregisterOnStop` is set.',
  },
  stopped: {
    level: 'info',
    fields: '`unregistered`, `durationMs`',
    meaning: 'The last line of a clean stop.',
  },
  'start.failed': {
    level: 'error',
    fields: '`text`',
    meaning: 'The daemon could not start: a port in use, a certificate that cannot be read ...',
  },
  'notify.limited': {
    level: 'warn',
    fields: '`text`',
    meaning: 'systemd cannot be told everything: the watchdog needs node-unix-socket.',
  },
  'process.stoodStill': {
    level: 'warn',
    fields: '`durationMs`',
    meaning:
      'trunkd did not run for that long: the machine slept, the process was stopped or had no CPU. Bindings that ended meanwhile are registered again; what was under way proves nothing.',
  },
  'selfCheck.failed': {
    level: 'error',
    fields: '`text`',
    meaning: 'The self-check found work that does not move; the watchdog is no longer fed.',
  },
  'log.dropped': {
    level: 'warn',
    fields: '`lines`',
    meaning: 'Standard output took lines too slowly, and this many were left out.',
  },
  'bug.caught': {
    level: 'error',
    fields: '`where`, `text`, `stack`',
    meaning: 'A programming error. Where it reached the top, the process ends with status 1.',
  },
} as const satisfies Readonly<Record<string, LogEvent>>;

export type LogEventName = keyof typeof LOG_EVENTS;
