import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { rawConnect } from './raw-peer.ts';

/** A port that takes no connection and refuses none: its process stands still, and its backlog is full. */
export async function aBlackHole(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const program =
    "const s = require('net').createServer();" +
    "s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port));";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const port = Number(line);
  child.kill('SIGSTOP');
  const fillers = [await rawConnect(port), await rawConnect(port)];
  return {
    port,
    close: async () => {
      for (const { socket } of fillers) socket.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}
