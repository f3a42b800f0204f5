import type { Command } from 'commander';
import type { CliIo } from './io.ts';
import type { TryOptions } from './try-spec.ts';

/** `trunkd try register URI` and `trunkd try probe URI`. */
export function addTry(program: Command, io: CliIo, done: (status: number) => void): void {
  const group = program.command('try').description('one request, without a daemon');
  tls(
    group
      .command('register')
      .description('register once and unregister again; the password is in $TRUNKD_PASSWORD')
      .argument('<uri>', 'sip:user@domain[:port][;transport=tcp]')
      .option('--username <name>', 'user of the credentials; default: the user of the URI')
      .option('--password-file <file>', 'file that holds the password')
      .option('--password <password>', 'the password; others on this machine can see it')
      .option('--realm <realm>', 'the only realm that is answered; default: any')
      .option('--registrar <uri>', 'where the request is sent; default: what the URI says')
      .option('--contact <host[:port]>', 'where calls would arrive; default: our own socket')
      .option('--expires <seconds>', 'lifetime that is asked for; default: 60')
      .option('--keep', 'leave the binding at the registrar'),
  ).action(async (uri: string, options: TryOptions) => {
    const { tryRegister } = await import('./try.ts');
    done(await tryRegister(uri, options, io));
  });
  tls(
    group
      .command('probe')
      .description('probe a server with OPTIONS')
      .argument('<uri>', 'sip:host[:port][;transport=tcp]'),
  ).action(async (uri: string, options: TryOptions) => {
    const { tryProbe } = await import('./try.ts');
    done(await tryProbe(uri, options, io));
  });
}

function tls(command: Command): Command {
  return command
    .option('--ca <file>', 'PEM file of the authorities that are trusted')
    .option('--insecure', 'accept any certificate');
}
