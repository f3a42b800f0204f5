/** What the edge wants said to the operator; an observer writes it to the log. No secrets. */
export interface NetNotice {
  readonly kind: /** The kernel gave a smaller receive buffer than we asked for; bursts may be lost. */
    | 'udp.receiveBuffer'
    /** The kernel reported an error on a socket that goes on working. */
    | 'socket.error'
    /** A socket that nobody configured could not be opened: a host without IPv6, say. */
    | 'socket.leftOut'
    /** No interface of this machine has the address of a configured socket; it is tried again and again. */
    | 'socket.waiting'
    /** One that waited is open now. */
    | 'socket.opened'
    /** Our own addresses or routes changed. */
    | 'addresses.changed'
    /** A certificate failed its check, and `verify: warn` lets the connection go on. */
    | 'tls.unverified'
    /** A certificate of ours or of a server expires soon, or has expired. */
    | 'tls.expires'
    /** The system's list of authorities is empty; the one that Node carries is used. */
    | 'tls.noSystemAuthorities'
    /** A connection to one of our listening sockets was refused by a limit. */
    | 'listener.refused';
  /** Name of the local socket. */
  readonly localSocket: string;
  /** One sentence in plain English. */
  readonly text: string;
}

export type Notify = (notice: NetNotice) => void;
