/** How a server that its source describes is known to listen, and what it is asked first. */
export interface FirstServer {
  readonly port?: number;
  /** Text that it prints; `{port}` stands for the port. */
  readonly ready?: string;
  /** Path that is asked for by HTTP; absent: it is no HTTP server, as far as is known. */
  readonly http?: string;
}

const LISTENS =
  /\b(?:Tcp|Unix)Listener::bind\b|\baxum::serve\b|\bHttpServer::new\b|\btiny_http::Server\b|\bwarp::serve\b|\brocket::build\b|#\[launch\]|\bServer::(?:bind|http)\b/;
/** Such a server is asked by the program itself. */
const ASKS = /\b(?:Tcp|Unix)Stream::connect\b|\b(?:ureq|reqwest|minreq)::/;
const HTTP =
  /\baxum::|\bHttpServer::new\b|\btiny_http::|\bwarp::|\brocket::|#\[launch\]|\bhyper\b|\bServer::http\b|\bHTTP\/1\.[01]\b/;
/** An address in the source: as text, as a tuple of host and port, of octets and port. */
const ADDRESSES = [
  /"(?:[\d.]+|localhost|\[[\da-f:]*\]):(\d+)"/,
  /\(\s*"(?:[\d.]+|localhost|[\da-f:]*:[\da-f:]*)"\s*,\s*(\d+)(?:u16)?\s*\)/,
  /\(\s*\[\s*\d+(?:\s*,\s*\d+)+\s*\]\s*,\s*(\d+)(?:u16)?\s*\)/,
  /\bIpv[46]Addr::(?:LOCALHOST|UNSPECIFIED)\s*,\s*(\d+)(?:u16)?\s*\)/,
  // A constant, and what stands in for a variable of the environment.
  /\b(?:const|static)\s+\w*PORT\w*\s*:\s*(?:u16|&(?:'static\s+)?str)\s*=\s*"?(\d+)/,
  /\benv::var\(\s*"\w*PORT\w*"\s*\)[^;]{0,120}?\.unwrap_or(?:_else)?\(\s*(?:\|\w*\|\s*)?(?:String::from\(\s*)?"?(\d+)/,
];
/** The text in front of an address that the program prints. */
const PRINTS = /\be?println!\(\s*"([^"{}\\]*[^"{}\\ ][^"{}\\]*)\{(?:addr\w*|local_addr|bound)?(?::\?)?\}/;

/** Whether a program listens, and is not its own client. */
export function isServer(source: string): boolean {
  return LISTENS.test(source) && !ASKS.test(source);
}

/** What a first test of a server says; undefined where its port is not in its source. */
export function firstServer(source: string): FirstServer | undefined {
  const http = HTTP.test(source) ? { http: '/' } : {};
  const named = ADDRESSES.map((pattern) => pattern.exec(source)?.[1]).find((port) => port !== undefined);
  // Rocket's own, where nothing is said (its guide, "Configuration").
  const port = named === undefined && /\brocket::build\b|#\[launch\]/.test(source) ? 8000 : Number(named);
  if (port > 0 && port < 65536) return { port, ...http };
  const before = /\blocal_addr\(\)/.test(source) ? PRINTS.exec(source)?.[1] : undefined;
  const host = /"([\d.]+|\[[\da-f:]*\]):0"/.exec(source)?.[1];
  if (port !== 0 || before === undefined || host === undefined) return undefined;
  return { ready: `${before}${host}:{port}`, ...http };
}
