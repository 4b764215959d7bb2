/**
 * Messages between view and host in parts: a connection to a remote host stalls on large ones, so that none may be above 1 MB. Most
 * messages are far below and pass as they are; a longer one travels as pieces of its JSON.
 */

/** UTF-16 code units of one piece, of which each takes up to three bytes. */
const PIECE_LENGTH = 256 * 1024;
/** Of which a message may be whole. */
const WHOLE_LENGTH = 600 * 1024;

interface MessagePart {
  /** A piece of the JSON of one message; pieces come in order and without others between them. */
  piece: string;
  isLast: boolean;
}

/** The message as it is, or in parts when it is long. */
export function* inMessageParts(message: unknown): Iterable<unknown> {
  const text = JSON.stringify(message);
  if (text.length <= PIECE_LENGTH || (text.length <= WHOLE_LENGTH && isAscii(text))) {
    yield message;
    return;
  }
  for (let start = 0; start < text.length; start += PIECE_LENGTH) {
    const isLast = start + PIECE_LENGTH >= text.length;
    yield { piece: text.slice(start, start + PIECE_LENGTH), isLast } satisfies MessagePart;
  }
}

/** Puts together what `inMessageParts` took apart. One for each direction of each view. */
export class MessageJoiner {
  #pieces: string[] = [];

  /** @returns the whole message; undefined until its last part has come. */
  add(message: unknown): unknown {
    if (!isPart(message)) return message;
    this.#pieces.push(message.piece);
    if (!message.isLast) return undefined;
    const text = this.#pieces.join('');
    this.#pieces = [];
    return JSON.parse(text) as unknown;
  }
}

function isPart(message: unknown): message is MessagePart {
  if (typeof message !== 'object' || message === null) return false;
  return 'piece' in message && typeof message.piece === 'string' && 'isLast' in message;
}

function isAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(text);
}
