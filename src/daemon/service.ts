/**
 * Everything that runs between a good configuration and the stop: wires the parts, and has no logic of
 * its own.
 *
 *   start: sockets -> HTTP -> registrations and peer servers -> `ready`
 */
import { hostname } from 'node:os';
import type { DaemonSpec } from '../config/daemon-spec.ts';
import type { Consumers } from '../consumers/consumers.ts';
import { EventHub } from '../core/base/event-hub.ts';
import { after } from '../core/base/instant.ts';
import type {
  AdminOrder,
  CommandPort,
  CommandReply,
  ProxyCommand,
  ProxyReply,
  RegistrationOrder,
  ReloadReport,
} from '../http/ports.ts';
import { buildHttpServer, type HttpServer } from '../http/server.ts';
import { monotonicClock } from '../net/clock.ts';
import type { CoreEvent } from '../observe/events.ts';
import { type FetchedRows, fetchedRows } from '../observe/fetched-rows.ts';
import type { DaemonLog } from '../observe/log.ts';
import { Metrics } from '../observe/metrics.ts';
import { StatusBook } from '../observe/status-book.ts';
import type { WallClock } from '../observe/wall-clock.ts';
import { type Assembly, assemble } from './assembly.ts';
import { startBeats, statusLine } from './beat.ts';
import { CertificateWatch } from './certificate-watch.ts';
import { isHealthEvent, isSameConsumer, listPort, makeConsumers } from './consumers.ts';
import { tellForecast } from './forecast.ts';
import { requiredBy } from './join.ts';
import type { OutputSink } from './log-sink.ts';
import { type Notifier, openNotifier, reloadingMessage, watchdogBeatMs } from './notify.ts';
import { Readiness } from './readiness.ts';
import { makeReadings } from './readings.ts';
import { Reloader } from './reload.ts';
import { ReloadQueue } from './reload-queue.ts';
import { routePort } from './routes.ts';
import { stopAssembly } from './shutdown.ts';
import { inSlices } from './slices.ts';
import { resume } from './standstill.ts';
import { takeCalls } from './take-calls.ts';

export interface ServiceOptions {
  readonly configPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly log: DaemonLog;
  readonly sink: OutputSink;
  readonly wallClock: WallClock;
  /** A bug that hurts nobody else: a subscriber or a handler threw. */
  readonly onBug: (where: string, error: unknown) => void;
}

export class Service implements CommandPort {
  readonly #options: ServiceOptions;
  readonly #assembly: Assembly;
  readonly #readiness: Readiness;
  readonly #status: StatusBook;
  readonly #metrics: Metrics;
  readonly #reloader: Reloader;
  readonly #consumers: Consumers;
  readonly #reloads: ReloadQueue<ReloadReport>;
  readonly #certificates: CertificateWatch;
  /** Other certificates are being taken up; a reload waits for it. */
  #renewal: Promise<void> = Promise.resolve();
  #http: HttpServer | undefined;
  #notifier: Notifier | undefined;
  #endBeats: () => void = () => {};

  constructor(spec: DaemonSpec, options: ServiceOptions) {
    const { log, wallClock, sink, version, configPath, env } = options;
    const userAgent = `trunkd/${version}`;
    this.#options = options;
    const hub = new EventHub<CoreEvent>((error) => options.onBug('subscriber', error));
    const assembly = assemble(spec, {
      clock: monotonicClock,
      publish: (event) => hub.publish(event),
      notify: (notice) => {
        const level = notice.kind === 'socket.opened' ? 'info' : 'warn';
        log.write(level, 'net.noticed', { ...notice });
      },
    });
    this.#assembly = assembly;
    assembly.driver.onStandstill = (ms) => {
      wallClock.stoodStill(ms);
      log.write('warn', 'process.stoodStill', { durationMs: Math.round(ms) });
      resume(assembly, ms);
    };
    this.#consumers = makeConsumers(
      assembly,
      log,
      wallClock,
      () => this.#reloader.spec.registrations,
    );
    const { keeper, prober, clock, timers } = assembly;
    this.#readiness = new Readiness(clock, timers);
    const consumers = () => this.#consumers.statuses();
    this.#status = new StatusBook(
      keeper,
      prober,
      wallClock,
      assembly.proxies,
      () => assembly.transport.certificates(),
      consumers,
    );
    this.#metrics = new Metrics({
      registrations: keeper,
      health: prober,
      proxies: assembly.proxies,
      consumers,
      readings: makeReadings(assembly, sink, this.#readiness),
      wallClock,
      version,
      node: process.version,
      perRegistration: spec.metrics.perRegistration,
    });
    hub.subscribe((event) => log.receive(event));
    hub.subscribe((event) => this.#metrics.receive(event));
    hub.subscribe((event) => {
      if (event.type === 'verdict.changed') assembly.router.changed(event.contract);
      if (isHealthEvent(event)) this.#consumers.receive(event);
    });
    hub.subscribe(requiredBy(prober));
    const onApplied = ({ metrics, consumers }: DaemonSpec) => {
      this.#status.membersChanged();
      this.#consumers.apply(consumers, isSameConsumer);
      this.#metrics.perRegistration = metrics.perRegistration;
    };
    this.#reloader = new Reloader(spec, {
      ...{ configPath, env, userAgent, assembly, log, wallClock, onApplied },
    });
    this.#reloads = new ReloadQueue((isForced) => this.#reload(isForced));
    this.#certificates = this.#watchCertificates();
  }

  /** Rejects when a socket or the HTTP port cannot be bound; what was opened is closed again then. */
  async start(): Promise<void> {
    const { transport, driver } = this.#assembly;
    const { spec } = this.#reloader;
    await transport.bind();
    try {
      await this.#listen(spec);
    } catch (error) {
      await transport.stop();
      throw error;
    }
    this.#notifier = await this.#openNotifier();
    driver.start();
    this.#assembly.local.start();
    this.#readiness.start();
    await this.#populate(spec);
    this.#metrics.configLoaded(true);
    this.#becomeReady(spec);
    this.#certificates.start();
  }

  /** Bindings stay, unless the configuration says otherwise. */
  async stop(): Promise<void> {
    const { log } = this.#options;
    const unregister = this.#reloader.spec.unregisterOnStop;
    const startedAt = performance.now();
    this.#readiness.becomeStopping();
    this.#assembly.stack.becomeStopping();
    this.#certificates.stop();
    this.#endBeats();
    this.#notifier?.send('STOPPING=1\nSTATUS=stopping');
    log.write('info', 'stopping', { unregister });
    await this.#consumers.stop();
    const closeHttp = async () => this.#http?.close();
    await stopAssembly(this.#assembly, { unregister, closeHttp });
    log.write('info', 'stopped', { durationMs: Math.round(performance.now() - startedAt) });
    this.#notifier?.close();
  }

  reload(force: boolean, origin: string): Promise<ReloadReport> {
    this.#audit('reload', force ? 'forced' : '', origin);
    return this.#reloads.ask(force);
  }

  pause(reason: string, forMs: number | undefined, origin: string): void {
    this.#audit('pause', reason, origin);
    const { keeper, clock } = this.#assembly;
    const since = clock.now();
    const until = forMs === undefined ? undefined : after(since, forMs);
    keeper.pause.begin({ reason, by: origin, since, until });
  }

  resume(origin: string): void {
    this.#audit('resume', '', origin);
    this.#assembly.keeper.pause.end();
  }

  register(id: string, origin: string): CommandReply {
    this.#audit('register', id, origin);
    const { keeper } = this.#assembly;
    if (keeper.snapshot(id) === undefined) return 'unknown';
    return keeper.registerNow(id) ? 'accepted' : 'idle';
  }

  order(id: string, order: RegistrationOrder, origin: string): CommandReply {
    const { command, reason, forMs } = order;
    this.#audit(command, reason === '' ? id : `${id}: ${reason}`, origin);
    const { keeper, clock } = this.#assembly;
    const until = forMs === undefined ? undefined : after(clock.now(), forMs);
    return keeper.order(id, { command, reason, until }) ? 'accepted' : 'unknown';
  }

  forget(id: string, reason: string, origin: string): CommandReply {
    this.#audit('forget', reason === '' ? id : `${id}: ${reason}`, origin);
    return this.#assembly.keeper.forget(id, reason) ? 'accepted' : 'unknown';
  }

  fetchBindings(id: string, origin: string): Promise<FetchedRows | undefined> {
    this.#audit('fetchBindings', id, origin);
    const { keeper } = this.#assembly;
    return new Promise((resolve) => {
      const isKnown = keeper.fetchBindings(id, (answers) => {
        resolve(fetchedRows(answers, this.#options.wallClock));
      });
      if (!isKnown) resolve(undefined);
    });
  }

  orderPeerServer(id: string, order: AdminOrder, origin: string): CommandReply {
    return this.#orderPeers(id, order, origin, 'orderServer');
  }

  orderContract(name: string, order: AdminOrder, origin: string): CommandReply {
    return this.#orderPeers(name, order, origin, 'orderContract');
  }

  #orderPeers(
    subject: string,
    { command, reason, forMs }: AdminOrder,
    by: string,
    what: 'orderServer' | 'orderContract',
  ): CommandReply {
    this.#audit(command, reason === '' ? subject : `${subject}: ${reason}`, by);
    const { prober, clock } = this.#assembly;
    const at = clock.now();
    const until = forMs === undefined ? undefined : after(at, forMs);
    return prober[what](subject, { command, reason, by, at, until }) ? 'accepted' : 'unknown';
  }

  freeze(reason: string, forMs: number | undefined, origin: string): void {
    this.#audit('freeze', reason, origin);
    const { prober, clock } = this.#assembly;
    const until = forMs === undefined ? undefined : after(clock.now(), forMs);
    prober.orderFreeze({ by: origin, reason, until });
  }

  thaw(origin: string): boolean {
    this.#audit('thaw', '', origin);
    return this.#assembly.prober.thaw();
  }

  /** No audit line: proxies tell often, and it commands nothing. */
  observe(id: string, code: number, count: number, by: string): boolean | 'unknown' {
    return this.#assembly.prober.observe(id, { code, count, by }) ?? 'unknown';
  }

  probe(id: string, origin: string): CommandReply {
    this.#audit('probe', id, origin);
    const { prober } = this.#assembly;
    if (prober.peerServer(id) === undefined) return 'unknown';
    return prober.probeNow(id) ? 'accepted' : 'idle';
  }

  proxy(name: string, command: ProxyCommand, origin: string): ProxyReply {
    const target = command.command === 'connectionClosed' ? ` ${command.target}` : '';
    this.#audit(command.command, `${name}${target}`, origin);
    const { proxies, keeper } = this.#assembly;
    if (proxies.named(name) === undefined) return 'unknown';
    if (command.command === 'probe') {
      proxies.probeNow(name);
      return { registrations: 0 };
    }
    return { registrations: keeper.proxyConnectionLost(name, command.target) };
  }

  async #listen({ http }: DaemonSpec): Promise<void> {
    if (http === undefined) return;
    const { version, onBug } = this.#options;
    this.#http = await buildHttpServer({
      status: this.#status,
      metrics: this.#metrics,
      commands: this,
      health: this.#readiness,
      routes: routePort(this.#assembly.router),
      lists: listPort(this.#assembly),
      clock: this.#assembly.clock,
      version,
      token: http.token,
      tokens: http.tokens,
      hostNames: [http.host, hostname()],
      onBug: (error) => onBug('http', error),
    });
    try {
      await this.#http.listen({ host: http.host, port: http.port });
    } catch (error) {
      if (error instanceof Error) error.message = `HTTP API (http.bind): ${error.message}`;
      throw error;
    }
  }

  #openNotifier(): Promise<Notifier> {
    const { env, log } = this.#options;
    return openNotifier({
      socketPath: env['NOTIFY_SOCKET'],
      isWatched: watchdogBeatMs(env) !== undefined,
      warn: (text) => log.write('warn', 'notify.limited', { text }),
    });
  }

  /** Peers first: their probes are few, and calls depend on them. */
  async #populate(spec: DaemonSpec): Promise<void> {
    const { keeper, prober, proxies } = this.#assembly;
    takeCalls(this.#assembly, spec);
    proxies.apply(spec.proxies);
    prober.setOwnFault(spec.ownFault);
    prober.apply(spec.contracts);
    await inSlices(spec.registrations, (one) => keeper.add(one));
    this.#status.membersChanged();
    this.#consumers.apply(spec.consumers, isSameConsumer);
  }

  #becomeReady(spec: DaemonSpec): void {
    const { log, version, env } = this.#options;
    const { keeper, prober } = this.#assembly;
    this.#readiness.becomeReady();
    log.write('info', 'ready', {
      version,
      pid: process.pid,
      registrations: spec.registrations.length,
      peerServers: [...prober.peerServers()].length,
      http: this.#http?.listeningOrigin ?? null,
      localSockets: this.#boundSockets(),
    });
    const { clock } = this.#assembly;
    const { wallClock } = this.#options;
    tellForecast(spec.registrations, spec.pacing, { clock, log, wallClock });
    const notifier = this.#notifier;
    if (notifier === undefined) return;
    const status = () => statusLine(keeper, prober);
    notifier.send(`READY=1\nSTATUS=${status()}`);
    this.#endBeats = startBeats({
      notifier,
      readiness: this.#readiness,
      watchdogMs: watchdogBeatMs(env),
      status,
      onStuck: () => log.write('error', 'selfCheck.failed', { text: 'Timers do not move.' }),
    });
  }

  /** Where each socket is, with the ports that the kernel chose, and which of them wait. */
  #boundSockets(): readonly string[] {
    const { transport } = this.#assembly;
    return transport.localSockets().map(({ spec, isOpen }) => {
      const { name, protocol, address, port } = spec;
      const bound = transport.boundAddress(name) ?? { address, port };
      const host = bound.address.includes(':') ? `[${bound.address}]` : bound.address;
      return `${name}=${protocol}:${host}:${bound.port}${isOpen ? '' : ' (waits for its address)'}`;
    });
  }

  async #reload(isForced: boolean): Promise<ReloadReport> {
    await this.#renewal;
    this.#notifier?.send(reloadingMessage());
    const report = await this.#reloader.reload(isForced);
    this.#metrics.configLoaded(report.kind === 'applied');
    this.#notifier?.send('READY=1');
    return report;
  }

  #watchCertificates(): CertificateWatch {
    const { log, onBug } = this.#options;
    const { clock, timers } = this.#assembly;
    return new CertificateWatch({
      ...{ clock, timers },
      localSockets: () => this.#reloader.spec.localSockets,
      renew: (specs, changed) => {
        // What a reload reads is as new.
        if (this.#reloads.isRunning) return false;
        const renewal = this.#reloader.renewCertificates(specs, changed);
        this.#renewal = renewal.catch((error: unknown) => onBug('certificates', error));
        return true;
      },
      refuse: (localSocket, text) =>
        log.write('error', 'certificates.refused', { localSockets: [localSocket], text }),
    });
  }

  #audit(command: string, subject: string, origin: string): void {
    this.#options.log.write('info', 'command.received', { command, subject, origin });
  }
}
