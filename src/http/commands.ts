/** What can be commanded: POST, JSON only. Each is told in the log, with who gave it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type LateTypes, schemasOf } from './late-schema.ts';
import { HTTP_LIMITS } from './limits.ts';
import type { CommandPort, CommandReply, ReloadReport } from './ports.ts';
import { problemAnswer, sendBadParameter, sendNotFound, sendProblem } from './problem.ts';
import { parseUntil } from './until.ts';

const schema = schemasOf(() => import('./schemas.ts'));

export function addCommands(app: FastifyInstance, commands: CommandPort): void {
  addDaemonCommands(app, commands);
  addRegistrationCommands(app, commands);
  addPeerServerCommands(app, commands);
  addObservations(app, commands);
  addContractCommands(app, commands);
  addProxyCommands(app, commands);
}

function addDaemonCommands(app: FastifyInstance, commands: CommandPort): void {
  app.withTypeProvider<LateTypes>().post(
    '/v1/commands',
    {
      schema: {
        summary:
          'Commands to the daemon: reload; pause and resume all registrations; freeze verdicts, so that nothing is disabled; thaw',
        body: schema('daemonCommand'),
        response: {
          200: schema('reloadApplied'),
          202: schema('accepted'),
          '4xx': problemAnswer,
        },
      },
    },
    async (request, reply) => {
      const { command, force, reason = '', until } = request.body;
      const origin = originOf(request);
      if (command === 'reload')
        return sendReload(reply, await commands.reload(force ?? false, origin));
      const forMs = readUntil(until, reply);
      if (forMs === 'bad') return reply;
      if (command === 'pause') commands.pause(reason, forMs, origin);
      else if (command === 'resume') commands.resume(origin);
      else if (command === 'freeze') commands.freeze(reason, forMs, origin);
      else if (!commands.thaw(origin)) {
        return sendProblem(reply, 'conflict', 'Verdicts are not frozen.');
      }
      return reply.code(202).send({ accepted: true });
    },
  );
}

function addRegistrationCommands(app: FastifyInstance, commands: CommandPort): void {
  app.withTypeProvider<LateTypes>().post(
    '/v1/registrations/:id/commands',
    {
      schema: {
        summary: 'Commands to a registration: register now, off, up, let go',
        params: schema('registrationParams'),
        body: schema('registrationCommand'),
        response: { 202: schema('accepted'), '4xx': problemAnswer },
      },
    },
    (request, reply) => {
      const { id } = request.params;
      const { command, reason = '', until } = request.body;
      const forMs = readUntil(until, reply);
      if (forMs === 'bad') return;
      const origin = originOf(request);
      const answer =
        command === 'register'
          ? commands.register(id, origin)
          : command === 'forget'
            ? commands.forget(id, reason, origin)
            : commands.order(id, { command, reason, forMs }, origin);
      sendReply(answer, reply, 'registration', id);
    },
  );
  app.withTypeProvider<LateTypes>().post(
    '/v1/registrations/:id/fetch-bindings',
    {
      schema: {
        summary: 'Asks the registrar which bindings of the account it holds; changes nothing',
        params: schema('registrationParams'),
        response: { 200: schema('fetchedBindings'), '4xx': problemAnswer },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const answer = await commands.fetchBindings(id, originOf(request));
      if (answer !== undefined) return reply.send(answer);
      return sendNotFound(reply, 'registration', id);
    },
  );
}

function addPeerServerCommands(app: FastifyInstance, commands: CommandPort): void {
  app.withTypeProvider<LateTypes>().post(
    '/v1/peer-servers/:contract/:name/commands',
    {
      schema: {
        summary: 'Commands to a peer server: probe now, drain, off, up',
        params: schema('peerServerParams'),
        body: schema('peerServerCommand'),
        response: { 202: schema('accepted'), '4xx': problemAnswer },
      },
    },
    (request, reply) => {
      const id = `${request.params.contract}/${request.params.name}`;
      const { command, reason = '', until } = request.body;
      const forMs = readUntil(until, reply);
      if (forMs === 'bad') return;
      const origin = originOf(request);
      const answer =
        command === 'probe'
          ? commands.probe(id, origin)
          : commands.orderPeerServer(id, { command, reason, forMs }, origin);
      sendReply(answer, reply, 'peer server', id);
    },
  );
}

function addObservations(app: FastifyInstance, commands: CommandPort): void {
  app.withTypeProvider<LateTypes>().post(
    '/v1/peer-servers/:contract/:name/observations',
    {
      schema: {
        summary: 'What calls to a peer server got: where they fail, it is probed at once',
        params: schema('peerServerParams'),
        body: schema('observation'),
        response: { 202: schema('observed'), '4xx': problemAnswer },
      },
    },
    (request, reply) => {
      const id = `${request.params.contract}/${request.params.name}`;
      const { code, count } = request.body;
      const probing = commands.observe(id, code, count, originOf(request));
      if (probing === 'unknown') sendNotFound(reply, 'peer server', id);
      else reply.code(202).send({ accepted: true, probing });
    },
  );
}

function addContractCommands(app: FastifyInstance, commands: CommandPort): void {
  app.withTypeProvider<LateTypes>().post(
    '/v1/peering-contracts/:name/commands',
    {
      schema: {
        summary: 'Commands to all peer servers of a contract: drain, off, up',
        params: schema('contractParams'),
        body: schema('contractCommand'),
        response: { 202: schema('accepted'), '4xx': problemAnswer },
      },
    },
    (request, reply) => {
      const { name } = request.params;
      const { command, reason = '', until } = request.body;
      const forMs = readUntil(until, reply);
      if (forMs === 'bad') return;
      const answer = commands.orderContract(name, { command, reason, forMs }, originOf(request));
      sendReply(answer, reply, 'peering contract', name);
    },
  );
}

function addProxyCommands(app: FastifyInstance, commands: CommandPort): void {
  app.withTypeProvider<LateTypes>().post(
    '/v1/proxies/:name/commands',
    {
      schema: {
        summary:
          'Commands to a SIP proxy of ours, and its news: probe now; a connection of it was closed',
        params: schema('proxyParams'),
        body: schema('proxyCommand'),
        response: { 202: schema('proxyAccepted'), '4xx': problemAnswer },
      },
    },
    (request, reply) => {
      const { name } = request.params;
      const answer = commands.proxy(name, request.body, originOf(request));
      if (answer === 'unknown') sendNotFound(reply, 'proxy', name);
      else reply.code(202).send({ accepted: true, ...answer });
    },
  );
}

/** How long an order holds; `bad` when it cannot be read, and the answer is sent. */
function readUntil(until: string | undefined, reply: FastifyReply): number | undefined | 'bad' {
  if (until === undefined) return undefined;
  const forMs = parseUntil(until, Date.now());
  if (forMs !== undefined) return forMs;
  const text = 'has to be a span as 30m, 2h or 1d, or a time to come in ISO 8601';
  sendBadParameter(reply, 'until', text);
  return 'bad';
}

function originOf(request: FastifyRequest): string {
  return `http ${request.ip}`;
}

function sendReply(answer: CommandReply, reply: FastifyReply, kind: string, id: string): void {
  switch (answer) {
    case 'accepted':
      reply.code(202).send({ accepted: true });
      return;
    case 'unknown':
      sendNotFound(reply, kind, id);
      return;
    case 'idle': {
      const name = `${kind} ${JSON.stringify(id)}`;
      sendProblem(reply, 'conflict', `The ${name} is switched off, so nothing is sent.`);
    }
  }
}

function sendReload(reply: FastifyReply, report: ReloadReport): FastifyReply {
  switch (report.kind) {
    case 'applied':
      return reply.send(report);
    case 'refused':
      return sendProblem(reply, 'conflict', report.reason);
    case 'invalid':
      return sendInvalid(reply, report.problems);
  }
}

function sendInvalid(reply: FastifyReply, problems: readonly string[]): FastifyReply {
  const text = problems.length === 1 ? 'One problem.' : `${problems.length} problems.`;
  const listed = problems.slice(0, HTTP_LIMITS.listedProblems);
  return sendProblem(reply, 'invalidConfig', text, { problems: listed });
}
